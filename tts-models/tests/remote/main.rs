//! Remote engines against servers that are scripted here: every dialect, and every fault that was seen.

mod dialects;
mod faults;
mod mapped;
mod promises;
mod rewards;
mod servers;
mod text;
mod world;
