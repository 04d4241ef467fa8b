//! Remote engines against servers that are scripted here: every dialect, and every fault that was seen.

mod dialects;
mod fake;
mod faults;
mod servers;
mod world;
