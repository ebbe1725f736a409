//! The variants of the same crate.

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    Plain,
    Metered,
    Tracing,
    Autometrics,
}

impl Variant {
    pub const ALL: [Self; 4] = [Self::Plain, Self::Metered, Self::Tracing, Self::Autometrics];

    /// As a crate and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Metered => "metered",
            Self::Tracing => "tracing",
            Self::Autometrics => "autometrics",
        }
    }

    pub fn attribute(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Metered => "#[runtime_metrics::metered]",
            Self::Tracing => "#[tracing::instrument]",
            Self::Autometrics => "#[autometrics::autometrics]",
        }
    }

    /// The package that the attribute comes from.
    pub fn package(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Metered => Some("runtime-metrics"),
            Self::Tracing => Some("tracing"),
            Self::Autometrics => Some("autometrics"),
        }
    }

    /// What comes after `package =`; the lock file says which version it is. `library` is where this
    /// workspace has its own.
    pub fn requirement(self, library: &str) -> String {
        match self {
            Self::Plain => String::new(),
            Self::Metered => format!("{{ path = {library:?} }}"),
            Self::Tracing => "\"*\"".into(),
            Self::Autometrics => "{ version = \"*\", default-features = false, features = [\"prometheus\"] }".into(),
        }
    }
}
