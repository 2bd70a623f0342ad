//! Courant, the syndication desk of a news publisher: it pulls the articles that a newsroom has published, makes RSS, Atom and
//! JSON Feed documents of them, and serves those to readers. ARCHITECTURE.md tells how the rooms belong together.

pub mod app;
pub mod article;
pub mod cli;
pub mod config;
pub mod document;
pub mod feed;
pub mod fetch;
pub mod format;
pub mod normalize;
pub mod source;
pub mod store;
pub mod validate;
pub mod web;
pub mod websub;
pub mod worker;
