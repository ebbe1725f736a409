//! The corpus of shapes, in edition 2021.

#![forbid(unsafe_code)]
#![deny(missing_docs, warnings, clippy::all, clippy::pedantic, rust_2018_idioms)]

#[path = "../../surface.rs"]
pub mod surface;

#[cfg(test)]
mod own;
#[cfg(test)]
#[path = "../../shapes/mod.rs"]
mod shapes;
