//! Courant through its front door: the built binary, its files, its addresses. Each test has a newsroom of its own, and its
//! name is the promise that it holds the program to.
#![allow(clippy::disallowed_methods, reason = "tests are outside the rooms")]

mod changes;
mod commands;
mod crash;
mod documents;
mod failing;
mod harness;
mod http;
mod life;
mod moving;
mod nodes;
mod postgres;
mod rooms;
mod way_out;
mod webhook;
mod websub;
mod wordpress;
