//! How OpenMetrics writes an exemplar: behind the value it is an example of.

use super::page::Page;
use crate::digits;
use crate::exemplar::Exemplar;
use std::time::SystemTime;

/// Writes an exemplar behind a value, its own brought to the base unit by `factor`. Its labels have 63
/// characters; the format allows 128.
pub(super) fn write(page: &mut Page<'_>, exemplar: &Exemplar, factor: f64) {
    page.push(b" # {trace_id=\"");
    hex(page, exemplar.trace_id);
    page.push(b"\",span_id=\"");
    hex(page, exemplar.span_id);
    page.push(b"\"} ");
    page.number(exemplar.value * factor);
    page.push(b" ");
    let time = exemplar.time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    page.count(time.as_secs());
    let mut millis = [b'.'; 4];
    digits::write(time.subsec_millis().into(), &mut millis[1..]);
    page.push(&millis);
}

fn hex<const LEN: usize>(page: &mut Page<'_>, bytes: [u8; LEN]) {
    let digit = |half: u8| b"0123456789abcdef"[usize::from(half)];
    let digits = bytes.map(|byte| [digit(byte >> 4), digit(byte & 0xf)]);
    page.push(digits.as_flattened());
}

#[cfg(test)]
mod tests {
    use crate::export::text::Dialect;
    use crate::export::{Encoder, openmetrics, prometheus};
    use crate::registry::{Identity, registry};
    use crate::snapshot::Snapshot;
    use crate::{Counter, Gauge, Histogram, Timer};
    use std::time::{Duration, SystemTime};

    const TRACE: [u8; 16] = *b"\x01\x23\x45\x67\x89\xab\xcd\xef\x00\x00\x00\x00\x00\x00\x0b\xad";
    const SPAN: [u8; 8] = *b"\xfe\xdc\xba\x98\x00\x00\x00\x01";
    const LABELS: &str = "{trace_id=\"0123456789abcdef0000000000000bad\",span_id=\"fedcba9800000001\"}";

    fn offer(name: &str, labels: &[(&str, &str)], value: f64) {
        registry().find(name, labels).unwrap().offer(value, || Some((TRACE, SPAN)));
    }

    /// Everything, without an identity and all of one time.
    fn snapshot() -> Snapshot {
        let mut snapshot = registry().snapshot();
        snapshot.identity = Identity::new("", "");
        for family in &mut snapshot.families {
            for exemplar in family.series.iter_mut().flat_map(|series| &mut series.exemplars) {
                exemplar.time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_520_879_607_089);
            }
        }
        snapshot
    }

    /// The lines of a metric that begin with its name, with `LABELS` and the time left out.
    fn lines(name: &str) -> Vec<String> {
        let text = openmetrics(&snapshot());
        let of = text.lines().filter(|line| line.starts_with(name));
        of.map(|line| line.replace(LABELS, "{}").replace(" 1520879607.089", " @")).collect()
    }

    #[test]
    fn a_counter_has_the_whole_of_it_behind_its_total() {
        let orders = Counter::new("exemplar_orders", "Orders.").register();
        orders.add(3);
        orders.with(&[("shop", &"a b")]).add(7);
        offer("exemplar_orders", &[], 3.0);
        offer("exemplar_orders", &[("shop", "a b")], 7.0);
        let text = openmetrics(&snapshot());
        let of = text.lines().filter(|line| line.starts_with("exemplar_orders"));
        let told = format!("# {LABELS}");
        assert_eq!(
            of.collect::<Vec<_>>(),
            [
                format!("exemplar_orders_total 3 {told} 3.0 1520879607.089"),
                format!("exemplar_orders_total{{shop=\"a b\"}} 7 {told} 7.0 1520879607.089"),
            ]
        );
        let characters = LABELS.chars().filter(|c| !"{}=,\"".contains(*c)).count();
        assert!(characters == 63 && characters <= 128);
    }

    #[test]
    fn declared_buckets_have_those_that_fall_into_them() {
        let sizes = Histogram::new("exemplar_sizes", "Sizes.").with_buckets(vec![1.0, 10.0, 100.0]).register();
        for size in [0.5, 10.0, 1_000.0] {
            sizes.observe(size);
            offer("exemplar_sizes", &[], size);
        }
        assert_eq!(
            lines("exemplar_sizes"),
            [
                "exemplar_sizes_bucket{le=\"1.0\"} 1 # {} 0.5 @",
                "exemplar_sizes_bucket{le=\"10.0\"} 2 # {} 10.0 @",
                "exemplar_sizes_bucket{le=\"100.0\"} 2",
                "exemplar_sizes_bucket{le=\"+Inf\"} 3 # {} 1000.0 @",
                "exemplar_sizes_sum 1010.5",
                "exemplar_sizes_count 3",
            ]
        );
    }

    #[test]
    fn exponential_buckets_have_those_of_their_octave() {
        let sizes = Histogram::new("exemplar_automatic", "Sizes.").with_label("kind", "a").register();
        for size in [1.0, 2.5, 4.0, 5.0] {
            sizes.observe(size);
        }
        for size in [1.0, 4.0, 5.0] {
            offer("exemplar_automatic", &[("kind", "a")], size);
        }
        assert_eq!(
            lines("exemplar_automatic_b"),
            [
                "exemplar_automatic_bucket{kind=\"a\",le=\"0.5\"} 0",
                "exemplar_automatic_bucket{kind=\"a\",le=\"1.0\"} 1 # {} 1.0 @",
                "exemplar_automatic_bucket{kind=\"a\",le=\"2.0\"} 1",
                "exemplar_automatic_bucket{kind=\"a\",le=\"4.0\"} 3 # {} 4.0 @",
                "exemplar_automatic_bucket{kind=\"a\",le=\"8.0\"} 4 # {} 5.0 @",
                "exemplar_automatic_bucket{kind=\"a\",le=\"16.0\"} 4",
                "exemplar_automatic_bucket{kind=\"a\",le=\"32.0\"} 4",
                "exemplar_automatic_bucket{kind=\"a\",le=\"+Inf\"} 4",
            ]
        );
    }

    #[test]
    fn its_value_is_told_in_the_base_unit() {
        let waits = Histogram::new("exemplar_wait_ms", "Waits.").with_unit("milliseconds").with_buckets(vec![50.0]);
        waits.register().observe(250);
        offer("exemplar_wait_ms", &[], 250.0);
        let busy = Counter::new("exemplar_busy", "Busy.").with_unit("milliseconds").register();
        busy.add(1_500);
        offer("exemplar_busy", &[], 1_500.0);
        let timer = Timer::new("exemplar_timer_seconds", "Time.").with_buckets(vec![0.1, 0.2]).register();
        timer.record(Duration::from_millis(100));
        offer("exemplar_timer_seconds", &[], 0.1);
        assert_eq!(lines("exemplar_wait_seconds_b")[1], "exemplar_wait_seconds_bucket{le=\"+Inf\"} 1 # {} 0.25 @");
        assert_eq!(lines("exemplar_busy"), ["exemplar_busy_seconds_total 1.5 # {} 1.5 @"]);
        assert_eq!(lines("exemplar_timer")[0], "exemplar_timer_seconds_bucket{le=\"0.1\"} 1 # {} 0.1 @");
    }

    /// In nanoseconds half of all values just above a bound are that bound once they are seconds.
    #[test]
    fn it_lies_between_the_bounds_that_are_told_or_is_left_out() {
        for number in 0..40 {
            let (name, bound) = (format!("exemplar_near_{number:02}"), 1.0 + f64::from(number) * 0.37);
            let near = Histogram::new(name.clone(), "Near.").with_unit("nanoseconds").with_buckets(vec![bound, 100.0]);
            near.register().observe(bound.next_up());
            offer(&name, &[], bound.next_up());
        }
        let (mut before, mut told) = (f64::NAN, 0);
        for line in lines("exemplar_near_").iter().filter(|line| line.contains("_bucket")) {
            let (_, rest) = line.split_once("le=\"").unwrap();
            let (le, rest) = rest.split_once('"').unwrap();
            if let Some((_, value)) = rest.split_once(" # {} ") {
                let value: f64 = value.trim_end_matches(" @").parse().unwrap();
                assert!(value > before && value <= le.parse().unwrap(), "{line}");
                told += 1;
            }
            before = le.parse().unwrap();
        }
        assert!(told > 0 && told < 40, "{told}");
    }

    #[test]
    fn it_is_in_openmetrics_only_and_not_on_other_kinds() {
        Gauge::new("exemplar_kinds_level", "Level.").register().set(1);
        offer("exemplar_kinds_level", &[], 1.0);
        let sizes = Histogram::new("exemplar_kinds_sizes", "Sizes.").register();
        sizes.observe(3);
        offer("exemplar_kinds_sizes", &[], 3.0);
        #[cfg(feature = "summary")]
        {
            crate::Summary::new("exemplar_kinds_times", "Times.").register().observe(3);
            offer("exemplar_kinds_times", &[], 3.0);
        }
        let with = |text: &str| text.lines().filter(|line| line.contains("_kinds_") && line.contains(" # {")).count();
        assert_eq!((with(&openmetrics(&snapshot())), with(&prometheus(&snapshot()))), (1, 0));
        // One that has written them in the one dialect doesn't in the other.
        let mut encoder = Encoder::openmetrics();
        for (dialect, expected) in [(Dialect::OpenMetrics, 1), (Dialect::Prometheus, 0)] {
            let mut text = Vec::new();
            encoder.encode_as(dialect, &mut text);
            assert_eq!(with(std::str::from_utf8(&text).unwrap()), expected);
        }
    }

    #[test]
    fn an_encoder_tells_what_a_snapshot_tells() {
        let orders = Counter::new("exemplar_told", "Orders.").register();
        let sizes = Histogram::new("exemplar_told_sizes", "Sizes.").register();
        for (at, shop) in ["a", "b", "c"].into_iter().enumerate() {
            orders.with(&[("shop", &shop)]).add(at);
            sizes.with(&[("shop", &shop)]).observe(at);
            if at > 0 {
                offer("exemplar_told", &[("shop", shop)], at as f64);
                offer("exemplar_told_sizes", &[("shop", shop)], at as f64);
            }
        }
        let exemplars = |text: &str| -> Vec<String> {
            let of = text.lines().filter(|line| line.starts_with("exemplar_told"));
            of.map(|line| line.split_once(" # ").map_or("", |(_, told)| told).to_owned()).collect()
        };
        let mut text = Vec::new();
        Encoder::openmetrics().encode_recorded(&mut text);
        let told = exemplars(std::str::from_utf8(&text).unwrap());
        assert_eq!(told, exemplars(&openmetrics(&registry().snapshot())));
        assert_eq!(told.iter().filter(|told| !told.is_empty()).count(), 4);
        let time: f64 = told.iter().find(|told| !told.is_empty()).unwrap().rsplit(' ').next().unwrap().parse().unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
        assert!((now - 60.0..=now).contains(&time), "{time}");
    }
}
