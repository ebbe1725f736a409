//! `metered` 0.9, the last with the attribute `#[measure]`: durations in milliseconds, in an HDR histogram.

use super::keep;
use crate::harness::Case;
use crate::input::{Failed, plain, poll, work};
use crate::read::Seen;
use crate::work::Work;
use metered::{ErrorCount, HitCount, InFlight, ResponseTime, metered};
use metered_09 as metered;
use std::hint::black_box;

#[derive(Default)]
struct Service {
    metrics: ServiceMetrics,
}

#[metered(registry = ServiceMetrics)]
impl Service {
    #[measure([HitCount, ErrorCount, InFlight, ResponseTime])]
    #[inline(never)]
    fn called(&self, at: u64) -> Result<u64, Failed> {
        work(at)
    }

    #[measure([HitCount, ErrorCount, InFlight, ResponseTime])]
    async fn awaited(&self, at: u64) -> Result<u64, Failed> {
        plain(at).await
    }
}

pub fn cases() -> Vec<Case> {
    const VARIANT: &str = "`#[measure([HitCount, ErrorCount, InFlight, ResponseTime])]`";
    let service = keep(Service::default());
    vec![
        Case::new(Work::Function, VARIANT, |at| black_box(service.called(at))).total(|| {
            let seen = &service.metrics.called;
            agreed(&seen.hit_count, &seen.in_flight, &seen.response_time)
        }),
        Case::new(Work::AsyncFunction, VARIANT, |at| black_box(poll(service.awaited(at)))).total(|| {
            let seen = &service.metrics.awaited;
            agreed(&seen.hit_count, &seen.in_flight, &seen.response_time)
        }),
    ]
}

fn agreed(calls: &HitCount, active: &InFlight, durations: &ResponseTime) -> f64 {
    let durations = durations.histogram().len() as f64;
    Seen { calls: calls.get() as f64, durations, active: active.get() as f64 }.agreed()
}
