//! When a receiver wants to be asked again: `google.rpc.RetryInfo`, among the details of its status.

use prost::Message;
use std::time::Duration;
use tonic::Status;

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct Details {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Eq, Message)]
struct Detail {
    #[prost(string, tag = "1")]
    url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// After what time, if it says so.
pub(super) fn of(status: &Status) -> Option<Duration> {
    let details = Details::decode(status.details()).ok()?.details;
    let info = details.iter().find(|detail| detail.url.ends_with("/google.rpc.RetryInfo"))?;
    let Delay { seconds, nanos } = RetryInfo::decode(&*info.value).ok()?.delay?;
    Some(Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;

    fn status(url: &str, delay: Delay) -> Status {
        let value = RetryInfo { delay: Some(delay) }.encode_to_vec();
        let other = Detail { url: "type.googleapis.com/google.rpc.Help".to_owned(), value: vec![1] };
        let details = Details { details: vec![other, Detail { url: url.to_owned(), value }] };
        Status::with_details(Code::ResourceExhausted, "", details.encode_to_vec().into())
    }

    #[test]
    fn the_delay_that_a_receiver_asks_for_is_found_among_other_details() {
        let url = "type.googleapis.com/google.rpc.RetryInfo";
        let delay = |seconds, nanos| of(&status(url, Delay { seconds, nanos }));
        assert_eq!(delay(2, 500_000_000), Some(Duration::from_millis(2_500)));
        assert_eq!((delay(-1, 0), delay(1, -1), delay(0, i32::MAX)), (None, None, None));
        assert_eq!(of(&status("type.googleapis.com/google.rpc.Other", Delay { seconds: 1, nanos: 0 })), None);
        assert_eq!(of(&Status::unavailable("")), None);
        assert_eq!(of(&Status::with_details(Code::Unavailable, "", vec![0xff, 0xff].into())), None);
    }
}
