//! Receivers that answer, and do not take.

use super::{WAYS, Way, all_know, each, each_way, lost, reasons, said, sent};
use runtime_metrics_tests::collector::{Collector, Reply, Speaks};
use runtime_metrics_tests::eventually;
use runtime_metrics_tests::load::Load;
use std::time::Duration;

/// All ways get this answer for a while; what was lost is counted under this reason, and told once with these words.
fn survives(test: &'static str, reply: fn(Way) -> Reply, reason: fn(Way) -> &'static str, words: &str) {
    let load = Load::start(test);
    let receivers = each_way(|way| {
        let collector = Collector::start(way.speaks);
        let exporter = way.to(test, collector.address()).try_start().unwrap();
        let name = way.name(test);
        collector.wait("something being taken", |requests| requests.len() > 1);
        collector.replies(reply(way));
        eventually("losses", || reasons(&name).iter().any(|reason| lost(&name, reason) > 2));
        assert_eq!(reasons(&name), [reason(way)], "{name}: {:?}", said(&name));
        let said = said(&name);
        assert!(said.len() == 1 && said[0].contains(words), "{name}: {said:?}");
        load.goes_on();
        collector.replies(Reply::Take);
        assert!(sent(&name) > 1);
        (collector, exporter)
    });
    all_know(load, receivers);
}

const NOTHING: (&str, &str) = ("x-nothing", "");

#[test]
fn who_has_failed() {
    survives("500", |_| Reply::Refuse(500, NOTHING), |_| "server", "500");
}

#[test]
fn who_is_not_available() {
    survives("503", |_| Reply::Refuse(503, NOTHING), |_| "busy", "503");
}

#[test]
fn who_refuses() {
    survives("400", |_| Reply::Refuse(400, NOTHING), |_| "refused", "400");
}

#[test]
fn who_does_not_know_the_token() {
    survives("401", |_| Reply::Refuse(401, NOTHING), |_| "auth", "is the token right?");
}

#[test]
fn who_says_in_grpc_that_it_is_overloaded_or_the_token_is_wrong() {
    let way = WAYS[0];
    for (status, reason) in [("14", "busy"), ("8", "busy"), ("16", "auth"), ("3", "refused"), ("4", "timeout")] {
        let test = format!("grpc-{status}");
        let collector = Collector::start(way.speaks);
        collector.replies(Reply::Refuse(200, ("grpc-status", status)));
        let exporter = way.to(&test, collector.address()).try_start().unwrap();
        let name = way.name(&test);
        eventually("losses", || !reasons(&name).is_empty());
        assert_eq!(reasons(&name), [reason], "{:?}", said(&name));
        collector.replies(Reply::Take);
        eventually("one being taken", || sent(&name) > 0);
        exporter.stop();
    }
}

#[test]
fn who_says_when_to_come_again_is_left_alone_until_then() {
    each_way(|way| {
        let collector = Collector::start(way.speaks);
        let exporter = way.to("429", collector.address()).try_start().unwrap();
        collector.wait("something being taken", |requests| requests.len() > 1);
        collector.replies_once(Reply::Refuse(429, ("retry-after", "1")));
        let refused =
            |requests: &[runtime_metrics_tests::collector::Request]| requests.iter().position(|one| !one.taken);
        collector.wait("more after the refusal", |all| refused(all).is_some_and(|refused| all.len() > refused + 2));
        let requests = collector.requests();
        let refused = refused(&requests).unwrap();
        let pause = requests[refused + 1].at - requests[refused].at;
        assert!(pause >= Duration::from_millis(950), "{pause:?}");
        assert_eq!(reasons(&way.name("429")), ["busy"]);
        exporter.stop();
    });
}

#[test]
fn what_is_taken_in_part_is_counted_and_not_sent_again() {
    let load = Load::start("part");
    let receivers = each(WAYS.into_iter().filter(|way| way.speaks != Speaks::RemoteWrite), |way| {
        let collector = Collector::start(way.speaks);
        collector.replies(Reply::TakePart(3, "too old"));
        let exporter = way.to("part", collector.address()).try_start().unwrap();
        let name = way.name("part");
        eventually("losses", || lost(&name, "rejected") > 1);
        let said = said(&name);
        assert!(said.len() == 1 && said[0].contains("it rejected 3 points: too old"), "{said:?}");
        collector.replies(Reply::Take);
        (collector, exporter)
    });
    all_know(load, receivers);
}

#[test]
fn what_was_taken_counts_although_the_answer_breaks_off() {
    let load = Load::start("broken-off");
    let receivers = each(WAYS.into_iter().filter(|way| way.speaks != Speaks::OtlpGrpc), |way| {
        let collector = Collector::start(way.speaks);
        collector.replies(Reply::TakeAndBreakOff);
        let exporter = way.to("broken-off", collector.address()).try_start().unwrap();
        collector.wait("some", |requests| requests.len() > 3);
        assert_eq!(reasons(&way.name("broken-off")), [""; 0], "{:?}", said(&way.name("broken-off")));
        (collector, exporter)
    });
    all_know(load, receivers);
}
