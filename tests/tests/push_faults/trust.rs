//! Who is trusted with metrics, and who trusts the exporter.

use super::{Way, each_way, lost, reasons, said, sent};
use runtime_metrics_tests::collector::{Certificate, Collector};
use runtime_metrics_tests::eventually;

fn https(way: Way, test: &str, collector: &Collector) -> runtime_metrics::MetricsExporter {
    way.exporter(test, &format!("https://{}", collector.address()))
}

#[test]
fn a_certificate_that_nobody_vouches_for_gets_nothing() {
    let certificate = Certificate::new();
    each_way(|way| {
        let (name, collector) = (way.name("tls"), Collector::with_certificate(way.speaks, &certificate));
        let exporter = https(way, "tls", &collector).try_start().unwrap();
        eventually("losses", || reasons(&name).iter().any(|reason| lost(&name, reason) > 1));
        assert_eq!(reasons(&name), ["tls"], "{:?}", said(&name));
        assert!(said(&name).len() == 1 && said(&name)[0].contains("certificate"), "{:?}", said(&name));
        assert!(collector.requests().is_empty());
        exporter.stop();
    });
}

#[test]
fn a_certificate_that_is_not_the_one_that_is_trusted_gets_nothing() {
    let (certificate, other) = (Certificate::new(), Certificate::new());
    each_way(|way| {
        let (name, collector) = (way.name("other"), Collector::with_certificate(way.speaks, &certificate));
        let exporter = https(way, "other", &collector).trust(other.certificate.as_bytes()).try_start().unwrap();
        eventually("losses", || reasons(&name).iter().any(|reason| lost(&name, reason) > 1));
        assert_eq!(reasons(&name), ["tls"], "{:?}", said(&name));
        assert!(collector.requests().is_empty());
        exporter.stop();
    });
}

#[test]
fn a_certificate_that_is_trusted_gets_everything_with_the_token() {
    let certificate = Certificate::new();
    each_way(|way| {
        let (name, collector) = (way.name("trusted"), Collector::with_certificate(way.speaks, &certificate));
        collector.wants_token("secret");
        let exporter = https(way, "trusted", &collector).trust(certificate.certificate.as_bytes());
        let wrong = exporter.clone().token("wrong").name(format!("{name}-wrong")).try_start().unwrap();
        let exporter = exporter.token("secret").header("x-own", "mine").try_start().unwrap();
        collector.wait("some that are taken", |requests| requests.iter().filter(|one| one.taken).count() > 1);
        let taken = collector.requests().into_iter().find(|one| one.taken).unwrap();
        assert_eq!(taken.headers["authorization"], "Bearer secret");
        assert_eq!(taken.headers["x-own"], "mine");
        eventually("the loss", || lost(&format!("{name}-wrong"), "auth") > 0);
        assert!(said(&format!("{name}-wrong")).iter().all(|said| !said.contains("secret")));
        assert_eq!(sent(&format!("{name}-wrong")), 0);
        exporter.stop();
        wrong.stop();
    });
}

#[test]
fn a_receiver_without_tls_gets_nothing_over_it() {
    each_way(|way| {
        let (name, collector) = (way.name("plain"), Collector::start(way.speaks));
        let exporter = https(way, "plain", &collector).try_start().unwrap();
        eventually("losses", || !reasons(&name).is_empty());
        assert!(collector.requests().is_empty());
        assert_eq!(said(&name).len(), 1);
        exporter.stop();
    });
}
