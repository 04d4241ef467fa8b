//! The server over loopback, with the toy world behind it.

mod answers;
mod client;
mod common;
mod judges;
mod leaving;
mod limits;
mod many;
mod refusals;
mod streams;
