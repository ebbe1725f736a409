//! A program that is asked over its standard input what it would export: for tests of settings, which are read once,
//! when it begins.

use runtime_metrics::{
    ExportFormat, Histogram, Sampling, Settings, configure, increment, metered, observe, registry, reload, set, status,
    timer,
};
use std::io::BufRead;

#[metered(name = "settled_call", labels = ["email"])]
fn called(email: &str) -> bool {
    runtime_metrics::add_label!("email", email);
    true
}

#[metered(name = "settled_wait")]
async fn waited() -> bool {
    true
}

fn record() {
    increment!("settled_orders");
    increment!("settled_written", labels: {"email" => "ada@example.org", "method" => "GET"});
    let email = String::from("bob@example.org");
    increment!("settled_logins", labels: {"email" => email, "method" => "PUT"});
    observe!("settled_sizes", value: 3.0, buckets: [1.0, 10.0]);
    set!("settled_depth", value: 5);
    drop(timer!("settled_time"));
    assert!(called(&email));
    assert!(tokio::runtime::Builder::new_current_thread().build().is_ok_and(|runtime| runtime.block_on(waited())));
    Histogram::new("settled_handle", "A handle.").register().observe(1);
}

fn main() {
    if std::env::args().any(|argument| argument == "--settle") {
        let settings =
            Settings { sample: Sampling::OneIn(3), series: 77, node: Some("of-code".to_owned()), ..Default::default() };
        if let Err(error) = configure(settings) {
            println!("{error}");
        }
    }
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        match &*line {
            "record" => record(),
            "export" => {
                let text = registry().encode(ExportFormat::OpenMetrics).unwrap_or_default();
                print!("{}", String::from_utf8_lossy(&text).replace("# EOF\n", ""));
            }
            "status" => status().problems.iter().for_each(|problem| println!("{problem}")),
            "reload" => match reload() {
                Ok(applied) => println!("applied {:?} {:?}", applied.after_restart(), applied.unknown_metrics()),
                Err(error) => println!("{error}"),
            },
            other => println!("`{other}` is no command"),
        }
        println!(".");
    }
}
