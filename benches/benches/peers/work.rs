//! What is measured.

/// One thing to be done in several ways.
#[derive(Clone, Copy, PartialEq)]
pub enum Work {
    Counter,
    Labels,
    Bound,
    Gauge,
    Histogram,
    Timer,
    Function,
    AsyncFunction,
}

impl Work {
    /// In the order of the tables.
    pub const ALL: [Self; 8] = [
        Self::Counter,
        Self::Labels,
        Self::Bound,
        Self::Gauge,
        Self::Histogram,
        Self::Timer,
        Self::Function,
        Self::AsyncFunction,
    ];

    pub const fn title(self) -> &'static str {
        match self {
            Self::Counter => "Counter without labels",
            Self::Labels => "Counter with two `&str` labels, looked up in every call",
            Self::Bound => "Counter with two labels, typed or bound",
            Self::Gauge => "Gauge, set",
            Self::Histogram => "Histogram with 11 bounds, observe",
            Self::Timer => "Timed scope",
            Self::Function => "Measured function",
            Self::AsyncFunction => "Measured async function, ready at once",
        }
    }
}
