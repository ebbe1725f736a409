//! With tonic: a gRPC service over the wire, its methods under `#[tonic::async_trait]`.

use super::counts_of;
use runtime_metrics::{Reading, metered, metrics, registry};
use tonic::codegen::tokio_stream::{Iter, iter};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

type Answer = Result<HealthCheckResponse, Status>;

#[metrics]
struct Checks;

#[tonic::async_trait]
impl Health for Checks {
    #[metered]
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        tokio::task::yield_now().await;
        match &*request.into_inner().service {
            "known" => Ok(Response::new(serving())),
            "slow" => std::future::pending().await,
            other => Err(Status::not_found(other)),
        }
    }

    type WatchStream = Iter<std::vec::IntoIter<Answer>>;

    #[metered]
    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        if request.get_ref().service.is_empty() {
            return Err(Status::invalid_argument("no service"));
        }
        Ok(Response::new(iter(vec![Ok(serving()), Err(Status::aborted("enough"))])))
    }
}

fn serving() -> HealthCheckResponse {
    HealthCheckResponse { status: ServingStatus::Serving.into() }
}

fn about(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

#[tokio::test]
async fn calls_are_counted_by_their_status() {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = incoming.local_addr().unwrap();
    let router = Server::builder().add_service(HealthServer::new(Checks));
    let server = tokio::spawn(router.serve_with_incoming(incoming));

    let channel = Endpoint::try_from(format!("http://{address}")).unwrap().connect().await.unwrap();
    let mut client = HealthClient::new(channel);
    assert_eq!(client.check(about("known")).await.unwrap().into_inner().status(), ServingStatus::Serving);
    assert_eq!(client.check(about("unknown")).await.unwrap_err().code(), Code::NotFound);
    let mut answers = client.watch(about("known")).await.unwrap().into_inner();
    assert_eq!(answers.message().await.unwrap(), Some(serving()));
    assert_eq!(answers.message().await.unwrap_err().code(), Code::Aborted);
    assert_eq!(client.watch(about("")).await.unwrap_err().code(), Code::InvalidArgument);

    // A caller that gives up cancels the call on the server.
    let running = || registry().get("service_active_requests", &[("service", "Checks")]);
    let mut impatient = client.clone();
    let call = tokio::spawn(async move { impatient.check(about("slow")).await });
    while running() != Some(Reading::Gauge(1.0)) {
        tokio::task::yield_now().await;
    }
    call.abort();
    while running() != Some(Reading::Gauge(0.0)) {
        tokio::task::yield_now().await;
    }
    server.abort();
    assert_eq!((counts_of("Checks", "check"), counts_of("Checks", "watch")), ([1, 1, 0, 1], [1, 1, 0, 0]));
    assert_eq!(registry().get("service_errors_total", &[("service", "Checks")]), Some(Reading::Counter(2)));
}
