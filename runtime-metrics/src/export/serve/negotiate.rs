//! What a scraper wants: the format it likes best, and whether it may be compressed.

use crate::export::kinds::ExportFormat;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderName};

/// The format of an answer: the one that is set, or the one that the scraper likes best.
pub(super) fn choose(format: ExportFormat, headers: &HeaderMap) -> ExportFormat {
    if format != ExportFormat::Negotiated {
        return format;
    }
    let mut best = (0.0, ExportFormat::Prometheus);
    for (quality, range, parameters) in ranges(headers, ACCEPT) {
        let has = |parameter: &str| parameters.split(';').any(|one| one.trim().eq_ignore_ascii_case(parameter));
        let format = match &*range {
            "application/openmetrics-text" => ExportFormat::OpenMetrics,
            "application/json" => ExportFormat::Json,
            "application/vnd.google.protobuf"
                if cfg!(feature = "protobuf")
                    && has("proto=io.prometheus.client.MetricFamily")
                    && has("encoding=delimited") =>
            {
                ExportFormat::Protobuf
            }
            "text/plain" | "text/*" | "*/*" => ExportFormat::Prometheus,
            _ => continue,
        };
        if quality > best.0 {
            best = (quality, format);
        }
    }
    best.1
}

/// Whether an answer may be compressed with gzip.
pub(super) fn gzip(headers: &HeaderMap) -> bool {
    let mut any = false;
    for (quality, coding, _) in ranges(headers, ACCEPT_ENCODING) {
        match &*coding {
            "gzip" | "x-gzip" => return quality > 0.0,
            "*" => any = quality > 0.0,
            _ => {}
        }
    }
    any
}

/// What a header lists: the quality of each, its name in lower case, and its parameters.
fn ranges(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = (f64, String, &str)> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|range| {
        let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
        let quality = parameters.split(';').find_map(|one| {
            let (name, value) = one.split_once('=')?;
            if name.trim().eq_ignore_ascii_case("q") { value.trim().parse().ok() } else { None }
        });
        (quality.unwrap_or(1.0), name.trim().to_ascii_lowercase(), parameters)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        headers
    }

    fn chosen(accept: &str) -> ExportFormat {
        choose(ExportFormat::Negotiated, &headers(ACCEPT, accept))
    }

    #[test]
    fn the_scraper_gets_what_it_likes_best() {
        assert_eq!(choose(ExportFormat::Negotiated, &HeaderMap::new()), ExportFormat::Prometheus);
        assert_eq!(chosen("*/*"), ExportFormat::Prometheus);
        assert_eq!(chosen("application/json"), ExportFormat::Json);
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
        assert_eq!(chosen(prometheus), ExportFormat::OpenMetrics);
        assert_eq!(chosen("application/openmetrics-text;q=0.1, text/plain"), ExportFormat::Prometheus);
        assert_eq!(chosen("Application/OpenMetrics-Text, text/plain; Q=0.1"), ExportFormat::OpenMetrics);
        assert_eq!(choose(ExportFormat::Json, &headers(ACCEPT, "text/plain")), ExportFormat::Json);
    }

    #[cfg(feature = "protobuf")]
    #[test]
    fn protobuf_is_for_who_names_its_messages_and_how_they_follow_each_other() {
        let native = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,\
                      application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(chosen(native), ExportFormat::Protobuf);
        assert_eq!(chosen("application/vnd.google.protobuf, text/plain;q=0.1"), ExportFormat::Prometheus);
    }

    #[test]
    fn gzip_is_for_who_asks_for_it() {
        let may = |accept| gzip(&headers(ACCEPT_ENCODING, accept));
        assert!(may("gzip") && may("deflate, gzip;q=0.5") && may("*") && may("x-gzip") && may("GZip"));
        assert!(!may("deflate") && !may("gzip;q=0") && !may("gzip;q=0, *") && !gzip(&HeaderMap::new()));
    }
}
