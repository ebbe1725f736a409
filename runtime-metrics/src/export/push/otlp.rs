//! What an OTLP receiver says of a request, over HTTP and over gRPC.

use super::super::otlp::ExportMetricsServiceResponse;
use super::Failure;

/// Whether it took all of it.
pub(super) fn check(answer: ExportMetricsServiceResponse) -> Result<(), Failure> {
    match answer.partial_success {
        Some(part) if part.rejected_data_points > 0 => {
            let count = part.rejected_data_points;
            Err(Failure::lasting("rejected", format!("it rejected {count} points: {}", part.error_message)))
        }
        _ => Ok(()),
    }
}
