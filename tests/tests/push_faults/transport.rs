//! Faults on the way: nobody there, or somebody who says nothing or nonsense.

use super::{Way, all_know, each_way, lost, reasons, said};
use runtime_metrics_tests::collector::{Collector, Reply, Speaks};
use runtime_metrics_tests::eventually;
use runtime_metrics_tests::load::Load;
use runtime_metrics_tests::wire::{Fault, Wire};

/// All ways lead into a fault, which ends; what was lost is counted under this reason, and told once.
fn survives(test: &'static str, fault: Fault, reason: fn(Way) -> &'static [&'static str]) {
    let load = Load::start(test);
    let receivers = each_way(|way| {
        let collector = Collector::start(way.speaks);
        let wire = Wire::to(collector.address(), fault);
        let exporter = way.to(test, wire.address()).try_start().unwrap();
        let name = way.name(test);
        eventually("two losses", || reasons(&name).iter().map(|reason| lost(&name, reason)).sum::<u64>() > 1);
        let (reasons, allowed) = (reasons(&name), reason(way));
        assert!(reasons.iter().all(|reason| allowed.contains(reason)), "{name}: {reasons:?} {:?}", said(&name));
        load.goes_on();
        let said = said(&name);
        assert!(said.len() == 1 && said[0].contains("does not take metrics"), "{name}: {said:?}");
        assert!(collector.requests().is_empty());
        wire.is(Fault::None);
        collector.wait("some totals", |requests| requests.len() > 1);
        (wire, (collector, exporter))
    });
    let (wires, receivers): (Vec<_>, Vec<_>) = receivers.into_iter().unzip();
    all_know(load, receivers);
    drop(wires);
}

#[test]
fn who_accepts_and_hangs() {
    survives("hang", Fault::Hang, |_| &["timeout"]);
}

#[test]
fn who_reads_and_never_answers() {
    survives("mute", Fault::Mute, |_| &["timeout"]);
}

#[test]
fn who_reads_a_byte_at_a_time() {
    survives("slow", Fault::Slow, |_| &["timeout"]);
}

#[test]
fn who_resets_the_connection_in_the_middle() {
    survives("reset", Fault::Reset, |_| &["connect"]);
}

#[test]
fn who_closes_the_connection_in_the_middle() {
    survives("close", Fault::Close, |_| &["connect"]);
}

#[test]
fn who_answers_half_and_hangs() {
    survives("half", Fault::Answer(b"HTTP/1.1 200 OK\r\ncontent-le"), |way| match way.speaks {
        Speaks::OtlpGrpc => &["connect", "protocol"],
        _ => &["timeout"],
    });
}

#[test]
fn who_answers_nonsense() {
    let nonsense = b"\xff\x00\x16\n\xfe\r\n\r\n\x00\x00\x00\x00\x00\x00\x00\x00";
    survives("nonsense", Fault::Answer(nonsense), |_| &["connect", "protocol"]);
}

#[test]
fn who_is_absent_at_first_goes_away_and_returns() {
    let load = Load::start("absent");
    let receivers = each_way(|way| {
        let collector = Collector::start(way.speaks);
        let wire = Wire::to(collector.address(), Fault::None);
        wire.go_away();
        let exporter = way.to("absent", wire.address()).try_start().unwrap();
        let name = way.name("absent");
        eventually("losses", || lost(&name, "connect") > 1);
        wire.come_back();
        collector.wait("something being taken", |requests| requests.len() > 2);
        collector.close();
        wire.go_away();
        let before = lost(&name, "connect");
        collector.replies(Reply::Take);
        // Several times the timeout.
        std::thread::sleep(super::TIMEOUT * 3);
        assert!(lost(&name, "connect") > before, "{name}: {:?} {:?}", reasons(&name), said(&name));
        wire.come_back();
        collector.wait("something being taken", |requests| requests.last().is_some_and(|last| last.taken));
        assert!(reasons(&name).iter().all(|reason| ["connect", "busy"].contains(reason)), "{:?}", said(&name));
        assert_eq!(said(&name).len(), 2, "{:?}", said(&name));
        (wire, (collector, exporter))
    });
    let (wires, receivers): (Vec<_>, Vec<_>) = receivers.into_iter().unzip();
    all_know(load, receivers);
    drop(wires);
}

#[test]
fn a_name_that_nobody_knows() {
    let load = Load::start("dns");
    each_way(|way| {
        let name = way.name("dns");
        let exporter = way.exporter("dns", "http://no-such-host.invalid:1").try_start().unwrap();
        eventually("losses", || !reasons(&name).is_empty());
        assert_eq!(reasons(&name), ["dns"], "{:?}", said(&name));
        exporter.stop();
    });
    load.goes_on();
    load.stop();
}

#[test]
fn a_connection_that_hangs_is_given_up_for_a_new_one() {
    each_way(|way| {
        let test = "given-up";
        let collector = Collector::start(way.speaks);
        let wire = Wire::to(collector.address(), Fault::None);
        let exporter = way.to(test, wire.address()).try_start().unwrap();
        collector.wait("some totals", |requests| requests.len() > 1);
        // As a firewall does that forgets a connection: what is on it never arrives, and nobody says so.
        wire.is(Fault::Mute);
        eventually("a loss", || lost(&way.name(test), "timeout") > 0);
        wire.is(Fault::None);
        let before = collector.requests().len();
        collector.wait("totals on a new connection", |requests| requests.len() > before + 1);
        exporter.stop();
    });
}
