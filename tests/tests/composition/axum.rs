//! With axum: handlers of every usual form, and what `debug_handler` adds to them.

use super::{counts, counts_of, request};
use axum::Json;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use runtime_metrics::{metered, metrics};
use std::sync::Arc;

#[metrics]
struct Users {
    names: Vec<String>,
}

impl Users {
    #[metered]
    async fn show(State(users): State<Arc<Self>>, Path(at): Path<usize>) -> Result<String, StatusCode> {
        users.names.get(at).cloned().ok_or(StatusCode::NOT_FOUND)
    }
}

#[metered]
async fn state(State(users): State<Arc<Users>>, Path(code): Path<u16>, headers: HeaderMap) -> impl IntoResponse {
    (StatusCode::from_u16(code).unwrap_or_default(), format!("{} {}", users.names.len(), headers.len()))
}

#[metered]
#[axum::debug_handler]
async fn debugged_below(Json(number): Json<u8>) -> Json<u8> {
    Json(number + 1)
}

#[axum::debug_handler]
#[metered]
async fn debugged_above(
    number: Result<Json<u8>, axum::extract::rejection::JsonRejection>,
) -> Result<Json<u8>, Rejected> {
    let Json(number) = number?;
    Ok(Json(number))
}

struct Rejected(StatusCode);

impl IntoResponse for Rejected {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl From<axum::extract::rejection::JsonRejection> for Rejected {
    fn from(rejection: axum::extract::rejection::JsonRejection) -> Self {
        Self(rejection.status())
    }
}

#[metered]
fn not_async(request: Request) -> impl Future<Output = Response> {
    async move { if request.uri().query().is_some() { StatusCode::BAD_GATEWAY } else { StatusCode::OK }.into_response() }
}

#[metered]
async fn passed(request: Request, next: Next) -> Response {
    next.run(request).await
}

struct Token;

impl<S: Send + Sync> FromRequestParts<S> for Token {
    type Rejection = StatusCode;

    #[metered]
    async fn from_request_parts(parts: &mut axum::http::request::Parts, _: &S) -> Result<Self, Self::Rejection> {
        if parts.headers.contains_key("host") { Ok(Self) } else { Err(StatusCode::UNAUTHORIZED) }
    }
}

#[metered]
async fn guarded(_: Token) -> (StatusCode, &'static str) {
    (StatusCode::SERVICE_UNAVAILABLE, "later")
}

#[tokio::test]
async fn handlers_are_counted_by_their_answers() {
    let router = axum::Router::new()
        .route("/users/{at}", get(Users::show))
        .route("/state/{code}", get(state))
        .route("/below", post(debugged_below))
        .route("/above", post(debugged_above))
        .route("/plain", get(not_async))
        .route("/guarded", get(guarded))
        .layer(from_fn(passed))
        .with_state(Arc::new(Users { names: vec!["a".into()] }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let answers = tokio::task::spawn_blocking(move || {
        let paths = ["/users/0", "/users/1", "/state/200", "/state/500", "/plain", "/plain?bad", "/guarded"];
        let mut answers: Vec<u16> = paths.into_iter().map(|path| request(address, path, "").0).collect();
        answers.push(request(address, "/above", "not json").0);
        answers
    });
    assert_eq!(answers.await.unwrap(), [200, 404, 200, 500, 200, 502, 503, 415]);
    server.abort();
    assert_eq!(counts_of("Users", "show"), [1, 1, 0, 0]);
    assert_eq!((counts("state"), counts("not_async"), counts("guarded")), ([1, 1, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0]));
    assert_eq!((counts("debugged_above"), counts("debugged_below")), ([0, 1, 0, 0], [0; 4]));
    assert_eq!(counts("passed"), [5, 3, 0, 0]);
    assert_eq!(counts("from_request_parts"), [1, 0, 0, 0]);
}
