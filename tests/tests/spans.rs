//! What is recorded in a Sentry span is summarised on that span, through the real client and transport.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{
    Counter, Gauge, Histogram, MetricsTransport, RuntimeMetricsConfig, RuntimeMetricsIntegration, Set, SpanOp, Summary,
    SummaryPlacement, Timer, add_label, increment, metered, observe, registry, set, timer,
};
use runtime_metrics_tests::{Envelope, Ingest};
use sentry::transports::DefaultTransportFactory;
use sentry::{Client, ClientOptions, Hub, SentryFutureExt, TransactionContext, TransactionOrSpan};
use serde_json::{Value, json};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

const NEVER: Duration = Duration::from_hours(1);

fn config() -> RuntimeMetricsConfig {
    RuntimeMetricsConfig { collection_interval: NEVER, ..Default::default() }
}

fn options(ingest: &Ingest, config: RuntimeMetricsConfig) -> ClientOptions {
    let ours = RuntimeMetricsIntegration::new(config);
    ClientOptions::new().dsn(&ingest.dsn()).traces_sample_rate(1.0).add_integration(ours)
}

/// A hub of its own with a client that has these options.
fn hub_of(options: ClientOptions) -> Arc<Hub> {
    let client = Client::from(sentry::apply_defaults(options));
    Arc::new(Hub::new(Some(Arc::new(client)), Arc::default()))
}

fn hub(ingest: &Ingest) -> Arc<Hub> {
    hub_of(options(ingest, config()))
}

fn bind(span: impl Into<TransactionOrSpan>) {
    let span = span.into();
    sentry::configure_scope(|scope| scope.set_span(Some(span)));
}

/// Runs something in a transaction, and returns what arrived of it.
fn in_transaction(ingest: &Ingest, hub: Arc<Hub>, run: impl FnOnce(&sentry::Transaction)) -> Envelope {
    // The client stays until it has sent what it has.
    Hub::run(Arc::clone(&hub), || {
        let transaction = sentry::start_transaction(TransactionContext::new("checkout", "test"));
        bind(transaction.clone());
        run(&transaction);
        transaction.finish();
    });
    let envelope = ingest.next_of("transaction");
    drop(hub);
    envelope
}

/// The summary of the transaction itself.
fn root(envelope: &Envelope) -> &Value {
    &envelope.item["contexts"]["trace"]["data"]["_metrics_summary"]
}

fn span<'a>(envelope: &'a Envelope, description: &str) -> &'a Value {
    let spans = envelope.item["spans"].as_array().unwrap();
    spans.iter().find(|span| span["description"] == description).unwrap_or_else(|| panic!("no span {description}"))
}

fn summary<'a>(envelope: &'a Envelope, description: &str) -> &'a Value {
    &span(envelope, description)["data"]["_metrics_summary"]
}

#[test]
fn each_record_goes_to_the_span_that_it_happens_in() {
    let ingest = Ingest::start();
    let envelope = in_transaction(&ingest, hub(&ingest), |transaction| {
        increment!("spans_orders", value: 2);
        let child = transaction.start_child("db", "query");
        bind(child.clone());
        for success in [true, true, false, true, false] {
            increment!("spans_items", labels: {"success" => success});
        }
        observe!("spans_wait", value: 0.25, unit: "seconds");
        observe!("spans_wait", value: 0.75, unit: "seconds");
        set!("spans_memory", value: 421, unit: "megabytes");
        child.finish();
        bind(transaction.clone());
        increment!("spans_orders", value: 3);
    });
    assert_eq!(*root(&envelope), json!({"c:spans_orders": [{"min": 2, "max": 3, "count": 2, "sum": 5}]}));
    let expected = json!({
        "c:spans_items": [
            {"min": 1, "max": 1, "count": 3, "sum": 3, "tags": {"success": "true"}},
            {"min": 1, "max": 1, "count": 2, "sum": 2, "tags": {"success": "false"}},
        ],
        "d:spans_wait@second": [{"min": 0.25, "max": 0.75, "count": 2, "sum": 1}],
        "g:spans_memory@megabyte": [{"min": 421, "max": 421, "count": 1, "sum": 421}],
    });
    assert_eq!(*summary(&envelope, "query"), expected);
    assert_eq!(registry().get("spans_orders", &[]), Some(runtime_metrics::Reading::Counter(5)));
}

#[test]
fn handles_of_every_type_tell_the_span_as_well() {
    let counter = Counter::new("spans_handle_counter", "").register();
    let gauge = Gauge::new("spans_handle_gauge", "").register();
    let histogram = Histogram::new("spans_handle_histogram", "").with_unit("bytes").register();
    let timer = Timer::new("spans_handle_timer_seconds", "").register();
    let quantiles = Summary::new("spans_handle_summary", "").register();
    let set = Set::new("spans_handle_set", "").register();
    let ingest = Ingest::start();
    let envelope = in_transaction(&ingest, hub(&ingest), |_| {
        counter.add(2);
        counter.add_with(3, &[("shop", &"north")]);
        counter.with(&[("shop", &"north")]).increment();
        gauge.set(5);
        gauge.increment();
        gauge.set_with(1, &[("shop", &"north")]);
        histogram.observe(100);
        histogram.observe_with(200, &[("shop", &"north")]);
        histogram.observe(f64::NAN);
        timer.record(Duration::from_millis(500));
        quantiles.observe(1.5);
        set.insert("anna");
        set.insert("anna");
    });
    let north = json!({"shop": "north"});
    let expected = json!({
        "c:spans_handle_counter": [
            {"min": 2, "max": 2, "count": 1, "sum": 2},
            {"min": 1, "max": 3, "count": 2, "sum": 4, "tags": north},
        ],
        "g:spans_handle_gauge": [
            {"min": 5, "max": 6, "count": 2, "sum": 11},
            {"min": 1, "max": 1, "count": 1, "sum": 1, "tags": north},
        ],
        "d:spans_handle_histogram@byte": [
            {"min": 100, "max": 100, "count": 1, "sum": 100},
            {"min": 200, "max": 200, "count": 1, "sum": 200, "tags": north},
        ],
        "d:spans_handle_timer_seconds@second": [{"min": 0.5, "max": 0.5, "count": 1, "sum": 0.5}],
        "d:spans_handle_summary": [{"min": 1.5, "max": 1.5, "count": 1, "sum": 1.5}],
        "s:spans_handle_set": [{"min": 1, "max": 1, "count": 2, "sum": 2}],
    });
    assert_eq!(*root(&envelope), expected);
}

#[test]
fn a_measured_call_tells_the_span_that_it_ends_in() {
    #[metered(name = "spans_parse", labels = ["format"])]
    fn parse(text: &str) -> Result<u32, std::num::ParseIntError> {
        add_label!("format", "decimal");
        text.parse()
    }
    let ingest = Ingest::start();
    let envelope = in_transaction(&ingest, hub(&ingest), |_| {
        parse("1").unwrap();
        parse("2").unwrap();
        parse("x").unwrap_err();
    });
    let calls = &root(&envelope)["c:spans_parse_requests_total"];
    let of =
        |outcome: &str| calls.as_array().unwrap().iter().find(|entry| entry["tags"]["outcome"] == outcome).unwrap();
    assert_eq!((&of("ok")["count"], &of("error")["count"]), (&2.into(), &1.into()));
    assert_eq!(of("ok")["tags"], json!({"action": "parse", "format": "decimal", "outcome": "ok"}));
    let times = &root(&envelope)["d:spans_parse_duration_seconds@second"][0];
    assert_eq!((&times["count"], &times["tags"]), (&3.into(), &json!({"action": "parse", "format": "decimal"})));
    assert!(times["sum"].as_f64().unwrap() > 0.0);
    assert_eq!(envelope.item["spans"].as_array().map_or(0, Vec::len), 0);
}

#[test]
fn a_timed_block_is_a_span_of_its_own() {
    let ingest = Ingest::start();
    let envelope = in_transaction(&ingest, hub(&ingest), |transaction| {
        {
            let _timing = timer!("spans_batch", labels: {"queue" => "night"});
            increment!("spans_batch_items");
            {
                let _inner = timer!("spans_batch_inner");
                increment!("spans_batch_items");
            }
            increment!("spans_batch_items");
        }
        increment!("spans_after_batch");
        // What has no end of its own is not measured, and no span.
        timer!("spans_discarded").discard();
        increment!("spans_after_batch");
        assert!(!transaction.get_trace_context().span_id.to_string().is_empty());
    });
    let batch = span(&envelope, "spans_batch");
    assert_eq!((&batch["op"], &batch["status"]), (&"metric.timer".into(), &"ok".into()));
    assert_eq!(batch["tags"], json!({"queue": "night"}));
    assert_eq!(batch["parent_span_id"], envelope.item["contexts"]["trace"]["span_id"]);
    let own = &batch["data"]["_metrics_summary"];
    assert_eq!(own["c:spans_batch_items"][0]["count"], 2);
    let time = &own["d:spans_batch@second"][0];
    assert_eq!((&time["count"], &time["tags"]), (&1.into(), &json!({"queue": "night"})));
    let inner = span(&envelope, "spans_batch_inner");
    assert_eq!(inner["parent_span_id"], batch["span_id"]);
    assert_eq!(inner["data"]["_metrics_summary"]["c:spans_batch_items"][0]["count"], 1);
    assert_eq!(*root(&envelope), json!({"c:spans_after_batch": [{"min": 1, "max": 1, "count": 2, "sum": 2}]}));
    assert_eq!(envelope.item["spans"].as_array().unwrap().len(), 2);
}

#[test]
fn timers_may_end_in_any_order() {
    let ingest = Ingest::start();
    let envelope = in_transaction(&ingest, hub(&ingest), |_| {
        let first = timer!("spans_first");
        let second = timer!("spans_second");
        first.stop();
        increment!("spans_in_second");
        let third = timer!("spans_third");
        second.stop();
        increment!("spans_in_third");
        third.stop();
        increment!("spans_in_none");
    });
    assert_eq!(summary(&envelope, "spans_second")["c:spans_in_second"][0]["count"], 1);
    assert_eq!(summary(&envelope, "spans_third")["c:spans_in_third"][0]["count"], 1);
    assert_eq!(*root(&envelope), json!({"c:spans_in_none": [{"min": 1, "max": 1, "count": 1, "sum": 1}]}));
}

#[metered(span, name = "spans_call")]
fn calls(depth: u32) -> Result<(), String> {
    increment!("spans_call_steps", value: depth);
    if depth == 0 { Err("deep enough".into()) } else { calls(depth - 1) }
}

#[test]
fn a_call_that_is_a_span_nests_and_ends_as_it_ended() {
    let ingest = Ingest::start();
    let envelope = in_transaction(&ingest, hub(&ingest), |_| {
        calls(2).unwrap_err();
        increment!("spans_after_call");
    });
    let spans = envelope.item["spans"].as_array().unwrap();
    assert_eq!(spans.len(), 3);
    // The innermost ends first.
    for (depth, pair) in spans.windows(2).enumerate() {
        assert_eq!(pair[0]["parent_span_id"], pair[1]["span_id"]);
        let (span, summary) = (&pair[0], &pair[0]["data"]["_metrics_summary"]);
        assert_eq!(
            (&span["op"], &span["description"]),
            (&"metric.timer".into(), &"spans_call_duration_seconds".into())
        );
        assert_eq!(span["tags"], json!({"action": "calls", "outcome": "error"}));
        assert_eq!(span["status"], "internal_error");
        assert_eq!(summary["c:spans_call_steps"][0]["sum"], depth);
        assert_eq!(summary["d:spans_call_duration_seconds@second"][0]["count"], 1);
        assert_eq!(summary["c:spans_call_requests_total"][0]["tags"], json!({"action": "calls", "outcome": "error"}));
    }
    assert_eq!(*root(&envelope), json!({"c:spans_after_call": [{"min": 1, "max": 1, "count": 1, "sum": 1}]}));
}

#[metered(span, name = "spans_job")]
async fn job(steps: u32) {
    for _ in 0..steps {
        increment!("spans_job_steps");
        tokio::task::yield_now().await;
    }
}

#[test]
fn the_span_of_a_future_goes_where_the_future_goes() {
    let ingest = Ingest::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    let envelope = in_transaction(&ingest, hub(&ingest), |_| {
        let hub = Hub::current();
        runtime.block_on(async {
            // Eight tasks that share one hub, and whose spans must not be taken for each other's.
            let jobs = (1..=8).map(|steps| tokio::spawn(job(steps * 5).bind_hub(Arc::clone(&hub))));
            for job in jobs.collect::<Vec<_>>() {
                job.await.unwrap();
            }
        });
        increment!("spans_after_jobs");
    });
    let spans = envelope.item["spans"].as_array().unwrap();
    let count = |span: &Value| span["data"]["_metrics_summary"]["c:spans_job_steps"][0]["count"].as_u64().unwrap();
    let mut steps: Vec<u64> = spans.iter().map(count).collect();
    steps.sort_unstable();
    assert_eq!(steps, [5, 10, 15, 20, 25, 30, 35, 40]);
    assert_eq!(*root(&envelope), json!({"c:spans_after_jobs": [{"min": 1, "max": 1, "count": 1, "sum": 1}]}));
}

#[test]
fn a_timer_in_a_task_with_a_hub_goes_with_it() {
    async fn timed() {
        let _timing = timer!("spans_task");
        for _ in 0..20 {
            increment!("spans_task_steps");
            tokio::task::yield_now().await;
        }
    }
    let ingest = Ingest::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let envelope = in_transaction(&ingest, hub(&ingest), |_| {
        let tasks: Vec<_> =
            (0..4).map(|_| runtime.spawn(timed().bind_hub(Arc::new(Hub::new_from_top(Hub::current()))))).collect();
        for task in tasks {
            runtime.block_on(task).unwrap();
        }
    });
    let spans = envelope.item["spans"].as_array().unwrap();
    assert_eq!(spans.len(), 4);
    assert!(
        spans.iter().all(|span| span["data"]["_metrics_summary"]["c:spans_task_steps"][0]["count"] == 20),
        "{spans:?}"
    );
    assert!(root(&envelope).is_null());
}

#[test]
fn a_call_that_panics_or_is_cancelled_ends_its_span() {
    #[metered(span, name = "spans_panic")]
    fn panics() {
        panic!("as it has to");
    }
    #[metered(span, name = "spans_cancelled")]
    async fn waits() {
        increment!("spans_waiting");
        std::future::pending().await
    }
    fn timed_panic() {
        let _timing = timer!("spans_timed_panic");
        panic!("as it has to");
    }
    let ingest = Ingest::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let envelope = in_transaction(&ingest, hub(&ingest), |_| {
        std::panic::catch_unwind(panics).unwrap_err();
        std::panic::catch_unwind(timed_panic).unwrap_err();
        runtime.block_on(async { tokio::time::timeout(Duration::from_millis(5), waits()).await.unwrap_err() });
        increment!("spans_after_all");
    });
    let panicked = span(&envelope, "spans_panic_duration_seconds");
    assert_eq!((&panicked["status"], &panicked["tags"]["outcome"]), (&"internal_error".into(), &"panic".into()));
    assert_eq!(span(&envelope, "spans_timed_panic")["status"], "internal_error");
    let cancelled = span(&envelope, "spans_cancelled_duration_seconds");
    assert_eq!((&cancelled["status"], &cancelled["tags"]["outcome"]), (&"cancelled".into(), &"cancelled".into()));
    assert_eq!(cancelled["data"]["_metrics_summary"]["c:spans_waiting"][0]["count"], 1);
    assert_eq!(*root(&envelope), json!({"c:spans_after_all": [{"min": 1, "max": 1, "count": 1, "sum": 1}]}));
}

#[test]
fn spans_of_tracing_are_spans_as_well() {
    use tracing_subscriber::layer::SubscriberExt;
    #[tracing::instrument]
    async fn handles() {
        increment!("spans_traced");
        asks().await;
        increment!("spans_traced");
    }
    #[tracing::instrument]
    async fn asks() {
        let _timing = timer!("spans_traced_timer");
        tokio::task::yield_now().await;
        increment!("spans_asked");
    }
    let ingest = Ingest::start();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let subscriber = tracing_subscriber::registry().with(sentry::integrations::tracing::SpanLayer::new());
    let hub = hub(&ingest);
    Hub::run(Arc::clone(&hub), || tracing::subscriber::with_default(subscriber, || runtime.block_on(handles())));
    let envelope = ingest.next_of("transaction");
    assert_eq!(envelope.item["transaction"], "handles");
    assert_eq!(root(&envelope)["c:spans_traced"][0]["count"], 2);
    let timed = span(&envelope, "spans_traced_timer");
    assert_eq!(timed["data"]["_metrics_summary"]["c:spans_asked"][0]["count"], 1);
    assert_eq!(timed["parent_span_id"], span(&envelope, "asks")["span_id"]);
}

#[test]
fn what_is_not_sampled_makes_no_spans_and_holds_nothing() {
    let ingest = Ingest::start();
    for rate in [None, Some(0.0)] {
        let mut options =
            ClientOptions::new().dsn(&ingest.dsn()).add_integration(RuntimeMetricsIntegration::new(config()));
        if let Some(rate) = rate {
            options = options.traces_sample_rate(rate);
        }
        let transaction = Hub::run(hub_of(options), || {
            let transaction = sentry::start_transaction(TransactionContext::new("unsampled", "test"));
            bind(transaction.clone());
            let _timing = timer!("spans_unsampled");
            increment!("spans_unsampled_count");
            calls(1).unwrap_err();
            let current = Hub::new_from_top(Hub::current()).configure_scope(|scope| scope.get_span());
            assert_eq!(current, Some(transaction.clone().into()));
            transaction
        });
        assert_eq!(transaction.data().iter().count(), 0);
        transaction.finish();
    }
    assert!(
        ingest.rest(Duration::from_millis(300)).iter().all(|envelope| envelope.item_header["type"] != "transaction")
    );
}

#[test]
fn a_client_without_the_integration_or_with_summaries_off_gets_none() {
    let ingest = Ingest::start();
    // Somebody wants to be told.
    let _wanted = hub(&ingest);
    let without = ClientOptions::new().dsn(&ingest.dsn()).traces_sample_rate(1.0);
    let off = options(&ingest, RuntimeMetricsConfig { span_summaries: false, ..config() });
    for options in [without, off] {
        let envelope = in_transaction(&ingest, hub_of(options), |_| {
            let _timing = timer!("spans_of_others");
            increment!("spans_of_others_count");
        });
        assert!(root(&envelope).is_null());
        assert!(envelope.item["spans"].as_array().is_none_or(Vec::is_empty));
    }
}

#[test]
fn a_thousand_spans_have_a_thousand_summaries() {
    let ingest = Ingest::start();
    let options = options(&ingest, config()).transport(MetricsTransport::over(DefaultTransportFactory));
    let envelope = in_transaction(&ingest, hub_of(options), |transaction| {
        for number in 0..1_000_u32 {
            let child = transaction.start_child("step", &number.to_string());
            bind(child.clone());
            increment!("spans_thousand", value: number + 1);
            child.finish();
        }
    });
    let spans = envelope.item["spans"].as_array().unwrap();
    assert_eq!(spans.len(), 1_000);
    for (number, span) in spans.iter().enumerate() {
        assert_eq!(span["_metrics_summary"]["c:spans_thousand"][0]["sum"], number + 1);
    }
}

#[test]
fn a_span_in_which_labels_explode_stays_small() {
    let ingest = Ingest::start();
    let full = || match registry().get("runtime_metrics_sentry_span_full", &[]) {
        Some(runtime_metrics::Reading::Counter(count)) => count,
        other => panic!("{other:?}"),
    };
    let before = full();
    let envelope = in_transaction(&ingest, hub(&ingest), |_| {
        for user in 0..1_000_u32 {
            increment!("spans_exploding", labels: {"user" => user});
        }
    });
    assert_eq!(root(&envelope)["c:spans_exploding"].as_array().unwrap().len(), 32);
    assert_eq!(full() - before, 1_000 - 32);
    assert!(serde_json::to_string(&envelope.item).unwrap().len() < 10_000);
}

#[test]
fn summaries_are_where_they_are_wanted() {
    let ingest = Ingest::start();
    for (placement, field, data) in [
        (SummaryPlacement::Field, true, false),
        (SummaryPlacement::Data, false, true),
        (SummaryPlacement::Both, true, true),
    ] {
        let transport = MetricsTransport::over(DefaultTransportFactory).placing(placement);
        let envelope =
            in_transaction(&ingest, hub_of(options(&ingest, config()).transport(transport)), |transaction| {
                increment!("spans_placed");
                let child = transaction.start_child("db", "query");
                bind(child.clone());
                increment!("spans_placed");
                child.finish();
            });
        let trace = &envelope.item["contexts"]["trace"];
        let span = span(&envelope, "query");
        for (place, there) in [
            (&envelope.item["_metrics_summary"], field),
            (&trace["_metrics_summary"], field),
            (&span["_metrics_summary"], field),
            (&trace["data"]["_metrics_summary"], data),
            (&span["data"]["_metrics_summary"], data),
        ] {
            let expected = json!({"c:spans_placed": [{"min": 1, "max": 1, "count": 1, "sum": 1}]});
            assert_eq!(*place, if there { expected } else { Value::Null }, "{placement:?}");
        }
        if placement == SummaryPlacement::Field {
            assert!(span.get("data").is_none());
        }
        assert_eq!(envelope.header["trace"].is_object(), field, "what is written anew keeps its header");
    }
}

#[test]
fn the_op_can_be_that_of_todays_sdks() {
    let ingest = Ingest::start();
    let config = RuntimeMetricsConfig { span_op: SpanOp::MetricTiming, ..config() };
    let envelope = in_transaction(&ingest, hub_of(options(&ingest, config)), |_| drop(timer!("spans_op")));
    assert_eq!(span(&envelope, "spans_op")["op"], "metric.timing");
}

#[test]
fn names_and_tags_are_made_to_fit() {
    let named = Counter::new("spans:odd.name", "").with_label("shop", "n\u{f6}rd|lich,\n").register();
    let ingest = Ingest::start();
    let envelope = in_transaction(&ingest, hub(&ingest), |_| {
        named.increment();
        observe!("spans_rate", value: 1, unit: "furlongs/day");
    });
    let summary = root(&envelope);
    assert_eq!(summary["c:spans_odd.name"][0]["tags"], json!({"shop": "n\u{f6}rd|lich,\n"}));
    assert_eq!(summary["d:spans_rate@furlongs_day"][0]["count"], 1);
}

#[test]
fn an_event_says_what_was_measured() {
    increment!("spans_event_orders", value: 7);
    let ingest = Ingest::start();
    let config = RuntimeMetricsConfig { collection_interval: Duration::from_millis(50), ..Default::default() };
    let hub = hub_of(options(&ingest, config));
    ingest.next(); // the collectors have been asked
    Hub::run(Arc::clone(&hub), || sentry::capture_message("it broke", sentry::Level::Error));
    let event = ingest.next_of("event");
    let context = &event.item["contexts"]["runtime_metrics"];
    assert!(context["runtime.memory.rss"].as_f64().unwrap() > 1e6, "{context}");
    assert!(context["process.uptime"].as_f64().unwrap() > 0.0);
    assert!(context["read_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(context["spans_event_orders"], 7, "{context:#}");
    // With the times, and with a type that the SDK adds.
    assert!(context.as_object().unwrap().len() <= 103);
    assert!(context["collected_at"].as_str() <= context["read_at"].as_str());
    let off = RuntimeMetricsConfig { event_context: false, ..self::config() };
    let hub = hub_of(options(&ingest, off));
    Hub::run(Arc::clone(&hub), || sentry::capture_message("it broke again", sentry::Level::Error));
    let event = ingest.next_of("event");
    assert_eq!(event.item["message"], "it broke again");
    assert!(event.item["contexts"].get("runtime_metrics").is_none());
}

#[test]
fn nothing_is_held_once_a_span_is_gone() {
    let ingest = Ingest::start();
    let client = Arc::new(Client::from(sentry::apply_defaults(options(&ingest, config()))));
    let holders = || Arc::strong_count(&client);
    let before = holders();
    for finishes in [true, false] {
        let hub = Arc::new(Hub::new(Some(Arc::clone(&client)), Arc::default()));
        Hub::run(hub, || {
            let transaction = sentry::start_transaction(TransactionContext::new("held", "test"));
            bind(transaction.clone());
            let (first, second) = (timer!("spans_held"), timer!("spans_held"));
            calls(1).unwrap_err();
            increment!("spans_held_count");
            drop(first);
            drop(second);
            // A future that is neither finished nor polled again, and whose span is dropped with it.
            let mut waiting = Box::pin(job(3));
            let waker = std::task::Waker::noop();
            assert!(waiting.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
            drop(waiting);
            if finishes {
                transaction.finish();
            }
        });
        // A transaction holds its client as long as anything holds it.
        assert_eq!(holders(), before, "finished: {finishes}");
    }
}

#[test]
fn a_panic_under_sentrys_lock_is_not_passed_on() {
    let ingest = Ingest::start();
    let counted = || registry().get("spans_poisoned", &[]);
    let hub = hub(&ingest);
    Hub::run(hub, || {
        let transaction = sentry::start_transaction(TransactionContext::new("poisoned", "test"));
        let child = transaction.start_child("db", "query");
        bind(child.clone());
        let panics = || {
            let _data = child.data();
            panic!("under the lock");
        };
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).unwrap_err();
        increment!("spans_poisoned");
        let _timing = timer!("spans_poisoned_timer");
    });
    assert_eq!(counted(), Some(runtime_metrics::Reading::Counter(1)));
    let told = runtime_metrics::status().problems;
    assert!(told.iter().any(|problem| problem.subject == "sentry" && problem.message.contains("counted all the same")));
}

#[test]
fn a_thread_may_record_to_its_very_end() {
    struct Last;
    impl Drop for Last {
        fn drop(&mut self) {
            increment!("spans_last");
            drop(timer!("spans_last_timer"));
        }
    }
    thread_local! {
        static EARLY: Last = const { Last };
        static LATE: Last = const { Last };
    }
    let ingest = Ingest::start();
    let hub = hub(&ingest);
    for early in [true, false] {
        let hub = Arc::clone(&hub);
        let thread = std::thread::spawn(move || {
            if early {
                EARLY.with(|_| ());
            }
            Hub::current().bind_client(hub.client());
            let transaction = sentry::start_transaction(TransactionContext::new("last", "test"));
            bind(transaction);
            increment!("spans_last");
            LATE.with(|_| ());
        });
        thread.join().unwrap();
    }
    assert_eq!(registry().get("spans_last", &[]), Some(runtime_metrics::Reading::Counter(5)));
}

#[test]
fn a_timer_in_a_task_without_a_hub_is_its_tasks_alone() {
    let ingest = Ingest::start();
    let client = hub(&ingest);
    // Tasks on one thread take turns, in the thread's own hub.
    let on_thread = move || {
        let hub = Hub::current();
        hub.bind_client(client.client());
        let transaction = sentry::start_transaction(TransactionContext::new("turns", "test"));
        bind(transaction.clone());
        drop(hub);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let timed = tokio::spawn(async {
                let _timing = timer!("spans_turns");
                for _ in 0..10 {
                    increment!("spans_timed_turn");
                    tokio::task::yield_now().await;
                }
            });
            let other = tokio::spawn(async {
                for _ in 0..10 {
                    increment!("spans_other_turn");
                    tokio::task::yield_now().await;
                }
            });
            timed.await.unwrap();
            other.await.unwrap();
        });
        transaction.finish();
        client
    };
    let client = std::thread::spawn(on_thread).join().unwrap();
    let envelope = ingest.next_of("transaction");
    assert_eq!(summary(&envelope, "spans_turns")["c:spans_timed_turn"][0]["count"], 10);
    assert_eq!(*root(&envelope), json!({"c:spans_other_turn": [{"min": 1, "max": 1, "count": 10, "sum": 10}]}));
    drop(client);
}

#[test]
fn what_is_recorded_in_a_sampled_span_is_an_example_in_the_scrape() {
    let sizes = Histogram::new("spans_example_size", "").with_unit("bytes").with_buckets(vec![10.0, 100.0]).register();
    let ingest = Ingest::start();
    let envelope = in_transaction(&ingest, hub(&ingest), |transaction| {
        let child = transaction.start_child("db", "query");
        bind(child.clone());
        increment!("spans_example_orders", value: 3, labels: {"shop" => "north"});
        sizes.observe(42);
        child.finish();
    });
    let child = span(&envelope, "query");
    let ids = format!(
        "{{trace_id=\"{}\",span_id=\"{}\"}}",
        child["trace_id"].as_str().unwrap(),
        child["span_id"].as_str().unwrap()
    );
    let page = runtime_metrics::export::openmetrics(&runtime_metrics::Snapshot::take());
    let line = |start: &str| page.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("no {start}"));
    for (line, value) in [
        (line("spans_example_orders_total{"), 3),
        (
            page.lines()
                .find(|line| line.starts_with("spans_example_size_bytes_bucket") && line.contains("le=\"100"))
                .unwrap(),
            42,
        ),
    ] {
        assert!(line.contains(&format!(" # {ids} {value}")), "{line}");
    }
    assert!(!runtime_metrics::export::prometheus(&runtime_metrics::Snapshot::take()).contains(" # {"));
}

#[test]
fn a_record_under_sentrys_own_lock_waits_for_nobody() {
    let ingest = Ingest::start();
    let breadcrumbs = options(&ingest, config()).before_breadcrumb(|breadcrumb| {
        increment!("spans_breadcrumbs");
        Some(breadcrumb)
    });
    let envelope = in_transaction(&ingest, hub_of(breadcrumbs), |_| {
        sentry::add_breadcrumb(sentry::Breadcrumb::default());
        increment!("spans_after_breadcrumb");
    });
    assert_eq!(*root(&envelope), json!({"c:spans_after_breadcrumb": [{"min": 1, "max": 1, "count": 1, "sum": 1}]}));
    assert_eq!(registry().get("spans_breadcrumbs", &[]), Some(runtime_metrics::Reading::Counter(1)));
}

#[test]
fn what_a_call_does_to_the_scope_stays_whether_it_is_sampled_or_not() {
    #[metered(span, name = "spans_login")]
    async fn logs_in() {
        sentry::configure_scope(|scope| scope.set_tag("user", "anna"));
        tokio::task::yield_now().await;
        sentry::add_breadcrumb(sentry::Breadcrumb { message: Some("in".into()), ..Default::default() });
    }
    let ingest = Ingest::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    for rate in [1.0, 0.0] {
        let hub = hub_of(options(&ingest, config()).traces_sample_rate(rate));
        let handles = async {
            bind(sentry::start_transaction(TransactionContext::new("login", "test")));
            logs_in().await;
            sentry::capture_message("logged in", sentry::Level::Error);
        };
        let own = Arc::new(Hub::new_from_top(&hub));
        runtime.block_on(runtime.spawn(handles.bind_hub(own))).unwrap();
        let event = ingest.next_of("event");
        assert_eq!(event.item["tags"]["user"], "anna", "{rate}");
        assert_eq!(event.item["breadcrumbs"]["values"][0]["message"], "in", "{rate}");
    }
}

#[test]
fn timers_of_tasks_that_share_a_hub_are_each_their_own() {
    async fn timed(steps: u64) {
        let _timing = timer!("spans_shared", labels: {"steps" => steps});
        for _ in 0..steps {
            increment!("spans_shared_steps");
            tokio::task::yield_now().await;
        }
    }
    let ingest = Ingest::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let envelope = in_transaction(&ingest, hub(&ingest), |_| {
        let hub = Hub::current();
        let tasks: Vec<_> = (1..=8).map(|number| runtime.spawn(timed(number * 3).bind_hub(Arc::clone(&hub)))).collect();
        for task in tasks {
            runtime.block_on(task).unwrap();
        }
    });
    let spans = envelope.item["spans"].as_array().unwrap();
    assert_eq!(spans.len(), 8);
    for span in spans {
        let steps: u64 = span["tags"]["steps"].as_str().unwrap().parse().unwrap();
        assert_eq!(span["data"]["_metrics_summary"]["c:spans_shared_steps"][0]["count"], steps, "{span}");
    }
    assert!(root(&envelope).is_null());
}

#[test]
fn a_timer_beside_the_tasks_of_its_thread_is_not_theirs() {
    let ingest = Ingest::start();
    let client = hub(&ingest);
    let on_thread = move || {
        let hub = Hub::current();
        hub.bind_client(client.client());
        let transaction = sentry::start_transaction(TransactionContext::new("beside", "test"));
        bind(transaction.clone());
        drop(hub);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let _timing = timer!("spans_beside");
            increment!("spans_mine");
            tokio::spawn(async { increment!("spans_the_tasks") }).await.unwrap();
            increment!("spans_mine");
        });
        transaction.finish();
        client
    };
    let client = std::thread::spawn(on_thread).join().unwrap();
    let envelope = ingest.next_of("transaction");
    assert_eq!(summary(&envelope, "spans_beside")["c:spans_mine"][0]["count"], 2);
    assert_eq!(*root(&envelope), json!({"c:spans_the_tasks": [{"min": 1, "max": 1, "count": 1, "sum": 1}]}));
    drop(client);
}

#[test]
fn the_summaries_of_a_transaction_have_a_bound_in_all() {
    let ingest = Ingest::start();
    let options = options(&ingest, config()).transport(MetricsTransport::over(DefaultTransportFactory));
    let envelope = in_transaction(&ingest, hub_of(options), |transaction| {
        for _ in 0..1_000 {
            let child = transaction.start_child("step", "many");
            bind(child.clone());
            for number in 0..30u32 {
                increment!("spans_bound", labels: {"number" => number});
            }
            child.finish();
        }
    });
    assert_eq!(envelope.item["spans"].as_array().unwrap().len(), 1_000);
    let bytes = serde_json::to_string(&envelope.item).unwrap().len();
    assert!((200_000..1_000_000).contains(&bytes), "{bytes}");
}
