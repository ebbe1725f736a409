//! The macros in a crate that depends on the library by another name, and in one that gets it from
//! a framework which re-exports it.

#![forbid(unsafe_code)]
#![deny(missing_docs, warnings, clippy::all, clippy::pedantic, rust_2018_idioms)]

/// What a framework offers: the library under a name of the framework's own.
pub mod framework {
    pub use metrics_of_ours as metrics;

    /// Makes a measured service, wherever it is called.
    #[macro_export]
    macro_rules! service {
        ($name:ident, $action:ident => $answer:expr) => {
            #[$crate::framework::metrics::metrics(crate = $crate::framework::metrics)]
            struct $name;

            #[$crate::framework::metrics::metrics(crate = $crate::framework::metrics)]
            impl $name {
                async fn $action(&self) -> Result<u8, String> {
                    $crate::framework::metrics::increment!("made_calls", crate: $crate::framework::metrics);
                    $answer
                }
            }
        };
    }
}

#[cfg(test)]
mod readings;
#[cfg(test)]
mod reexported;
#[cfg(test)]
mod renamed;
