//! What several requests say together.

use super::*;

#[test]
fn deltas_add_up_whichever_requests_arrive() {
    let counter = |step: usize| Counter::new("otlp_delta_count", "Counts.").with_label("a", step / 40).register();
    let values = Histogram::new("otlp_delta_values", "Values.").register();
    let sizes = Histogram::new("otlp_delta_sizes", "Sizes.").with_buckets(vec![1.0, 2.0]).register();
    let mut otlp = Otlp::new(Temporality::Delta);
    let (mut total, mut zeros, mut sums) = (0, 0, 0.0);
    let (mut buckets, mut observed) = ([0; 3], 0);
    let mut began = SECOND;
    for step in 1..=200 {
        // A series goes now and then, every seventh time nothing happens, and every third request is lost.
        if step % 40 == 0 {
            let gone = (step / 40 - 1).to_string();
            registry().remove("otlp_delta_count", &[("a", &gone)]);
        }
        if step % 7 != 0 {
            counter(step).add(step as u64);
            values.observe((step % 5) as f64);
            sizes.observe((step % 4) as f64);
        }
        let found = metrics(&mut otlp, &snapshot("otlp_delta_", step as u64));
        if step % 3 == 0 {
            continue;
        }
        otlp.delivered();
        for metric in &found {
            match &metric.data {
                Some(Data::Sum(sum)) => {
                    assert_eq!(sum.temporality(), AggregationTemporality::Delta);
                    for point in &sum.data_points {
                        let Some(Number::Int(gained)) = point.value else { panic!() };
                        total += gained;
                        assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (began, step as u64 * SECOND));
                    }
                }
                Some(Data::Histogram(_)) => {
                    let point = explicit(metric);
                    assert_eq!(point.count, point.bucket_counts.iter().sum::<u64>());
                    buckets.iter_mut().zip(&point.bucket_counts).for_each(|(all, gained)| *all += gained);
                }
                _ => {
                    let point = exponential(metric);
                    let above = point.positive.iter().flat_map(|positive| &positive.bucket_counts).sum::<u64>();
                    assert_eq!(point.count, point.zero_count + above);
                    (observed, zeros) = (observed + point.count, zeros + point.zero_count);
                    sums += point.sum.unwrap();
                }
            }
        }
        began = step as u64 * SECOND;
    }
    let recorded = || (1..=200).filter(|step| step % 7 != 0);
    // What was counted between the last request that arrived and the removal of the series is lost.
    assert_eq!(total, recorded().sum::<i64>() - 39 - 159);
    let expected = recorded().filter(|step| step % 5 == 0).count() as u64;
    assert_eq!((observed, zeros), (recorded().count() as u64, expected));
    assert_eq!(sums, recorded().map(|step| (step % 5) as f64).sum::<f64>());
    let of = |rests: &[i64]| recorded().filter(|step| rests.contains(&(step % 4))).count() as u64;
    assert_eq!(buckets, [of(&[0, 1]), of(&[2]), of(&[3])]);
}

#[test]
fn what_did_not_change_has_no_delta_and_a_gauge_is_as_it_is() {
    let counter = Counter::new("otlp_still_counter", "Counts.").register();
    Histogram::new("otlp_still_histogram", "Values.").register().observe(1);
    Gauge::new("otlp_still_gauge", "Gauge.").register().set(5);
    let mut otlp = Otlp::new(Temporality::Delta);
    let mut names = |at| -> Vec<String> {
        let found = metrics(&mut otlp, &snapshot("otlp_still_", at)).into_iter().map(|metric| metric.name).collect();
        otlp.delivered();
        found
    };
    assert_eq!(names(1), ["otlp_still_gauge", "otlp_still_histogram"]);
    assert_eq!(names(2), ["otlp_still_gauge"]);
    counter.increment();
    assert_eq!(names(3), ["otlp_still_counter", "otlp_still_gauge"]);
}

#[test]
fn a_counter_made_anew_before_a_request_arrived_is_told_from_its_start() {
    let counter = || Counter::new("otlp_again", "Counts.").with_label("a", "b").register();
    let mut otlp = Otlp::new(Temporality::Delta);
    let mut gained = |at, arrives| {
        let found = metrics(&mut otlp, &snapshot("otlp_again", at));
        if arrives {
            otlp.delivered();
        }
        found.first().map(|metric| numbers(metric)[0].value.unwrap())
    };
    counter().add(5);
    assert_eq!(gained(1, true), Some(Number::Int(5)));
    counter().add(4);
    assert_eq!(gained(2, false), Some(Number::Int(4)));
    registry().remove("otlp_again", &[("a", "b")]);
    // More than was delivered, but less than there was; and then it was not there for a while.
    counter().add(6);
    assert_eq!(gained(3, false), Some(Number::Int(6)));
    counter().add(1);
    assert_eq!(gained(4, true), Some(Number::Int(7)));
    registry().remove("otlp_again", &[("a", "b")]);
    assert_eq!(gained(5, false), None);
    counter().add(8);
    assert_eq!(gained(6, true), Some(Number::Int(8)));
}

#[test]
fn the_extremes_of_a_delta_are_told_where_they_are_its_own() {
    let values = Histogram::new("otlp_extremes", "Values.").register();
    let mut otlp = Otlp::new(Temporality::Delta);
    let mut extremes = |at, observed: &[f64]| {
        for value in observed {
            values.observe(*value);
        }
        let found = metrics(&mut otlp, &snapshot("otlp_extremes", at));
        otlp.delivered();
        (exponential(&found[0]).min, exponential(&found[0]).max)
    };
    assert_eq!(extremes(1, &[5.0, 7.0]), (Some(5.0), Some(7.0)));
    assert_eq!(extremes(2, &[5.0, 6.0]), (None, None));
    assert_eq!(extremes(3, &[2.0, 6.0]), (Some(2.0), None));
    assert_eq!(extremes(4, &[9.0]), (None, Some(9.0)));
}

#[test]
fn a_series_counts_since_it_had_nothing() {
    let counter = |name: &'static str| Counter::new("otlp_since", "Counts.").with_label("a", name).register();
    let mut otlp = Otlp::new(Temporality::Cumulative);
    let mut starts = |at| -> Vec<(String, u64)> {
        let mut snapshot = snapshot("otlp_since", at);
        snapshot.add(vec![RuntimeMetric::gauge("process.uptime", at as f64 - 90.0).with_unit("seconds")]);
        let found = metrics(&mut otlp, &snapshot);
        let points = numbers(&found[0]).iter();
        points.map(|point| (text(&point.attributes), point.start_time_unix_nano / SECOND)).collect()
    };
    let series = |series: &[(&str, u64)]| -> Vec<(String, u64)> {
        series.iter().map(|(name, start)| (format!("a={name}"), *start)).collect()
    };
    counter("old").add(2);
    counter("reset").add(2);
    assert_eq!(starts(100), series(&[("old", 90), ("reset", 90)]));
    counter("new").increment();
    assert_eq!(starts(110), series(&[("new", 100), ("old", 90), ("reset", 90)]));
    registry().remove("otlp_since", &[("a", "reset")]);
    counter("reset").increment();
    assert_eq!(starts(120), series(&[("new", 100), ("old", 90), ("reset", 110)]));
    counter("reset").add(2);
    registry().remove("otlp_since", &[("a", "new")]);
    assert_eq!(starts(130), series(&[("old", 90), ("reset", 110)]));
    counter("new").add(5);
    assert_eq!(starts(140), series(&[("new", 130), ("old", 90), ("reset", 110)]));
    // The clock was put back.
    assert_eq!(starts(105), series(&[("new", 105), ("old", 90), ("reset", 105)]));
}

#[test]
fn a_value_leads_to_its_trace_and_a_delta_to_its_own() {
    let counter = Counter::new("otlp_trace", "Counts.").register();
    counter.add(2);
    let values = Histogram::new("otlp_trace_values", "Values.").register();
    for value in [1.0, 30.0] {
        values.observe(value);
    }
    let place = || Some(([7; 16], [9; 8]));
    registry().find("otlp_trace", &[]).unwrap().offer(2.0, place);
    for value in [1.0, 30.0] {
        registry().find("otlp_trace_values", &[]).unwrap().offer(value, place);
    }
    let mut now = snapshot("otlp_trace", 0);
    now.time = SystemTime::now() + Duration::from_millis(1);
    for temporality in [Temporality::Cumulative, Temporality::Delta] {
        let mut otlp = Otlp::new(temporality);
        otlp.request(&snapshot("otlp_trace", 1));
        let found = metrics(&mut otlp, &now);
        let [one] = &numbers(&found[0])[0].exemplars[..] else { panic!() };
        assert_eq!((one.value, &one.trace_id[..], &one.span_id[..]), (2.0, &[7; 16][..], &[9; 8][..]));
        let time = now.families[0].series[0].exemplars[0].time;
        assert_eq!(one.time_unix_nano, nanos(time));
        let found: Vec<f64> = exponential(&found[1]).exemplars.iter().map(|one| one.value).collect();
        assert_eq!(found, [1.0, 30.0]);
    }
    let mut otlp = Otlp::new(Temporality::Delta);
    otlp.request(&now);
    otlp.delivered();
    counter.increment();
    let mut later = snapshot("otlp_trace", 0);
    later.time = now.time + Duration::from_secs(10);
    let found = metrics(&mut otlp, &later);
    assert_eq!((numbers(&found[0])[0].value, numbers(&found[0])[0].exemplars.len()), (Some(Number::Int(1)), 0));
}
