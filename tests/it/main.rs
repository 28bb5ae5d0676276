//! One binary for all tests through the front door: real servers, real databases.

mod contract;
mod harness;
mod zoo;
