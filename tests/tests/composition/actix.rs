//! With actix-web: handlers whose futures stay on their thread, with and without its route attributes.

use super::{counts, request};
use actix_web::error::ErrorBadGateway;
use actix_web::{App, HttpResponse, HttpServer, Responder, get, web};
use runtime_metrics::metered;
use std::cell::Cell;
use std::rc::Rc;

#[metered]
async fn shows(path: web::Path<u8>, state: web::Data<String>) -> actix_web::Result<String> {
    let number = path.into_inner();
    let local = Rc::new(Cell::new(number));
    actix_web::rt::task::yield_now().await;
    if local.get() > 1 {
        return Err(ErrorBadGateway("on purpose"));
    }
    Ok(format!("{} {number}", state.as_str()))
}

#[metered]
#[get("/below")]
async fn route_below() -> impl Responder {
    HttpResponse::Ok().body("below")
}

#[get("/above/{word}")]
#[metered]
async fn route_above(word: web::Path<String>) -> Result<HttpResponse, actix_web::Error> {
    let number: u8 = word.parse().map_err(actix_web::error::ErrorBadRequest)?;
    Ok(HttpResponse::Ok().body(number.to_string()))
}

#[metered]
async fn answers_itself(number: web::Path<u16>) -> HttpResponse {
    let status = number.into_inner();
    HttpResponse::build(status.try_into().unwrap_or_default()).finish()
}

#[actix_web::test]
#[metered]
async fn handlers_are_counted_by_their_results() {
    let server = HttpServer::new(|| {
        App::new()
            .app_data(web::Data::new(String::from("number")))
            .route("/shows/{number}", web::get().to(shows))
            .route("/answers/{status}", web::get().to(answers_itself))
            .service(route_below)
            .service(route_above)
    })
    .workers(1)
    .disable_signals()
    .bind(("127.0.0.1", 0))
    .unwrap();
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    let server = actix_web::rt::spawn(server);
    let answers = actix_web::rt::task::spawn_blocking(move || {
        ["/shows/1", "/shows/2", "/below", "/above/1", "/above/x", "/answers/404", "/answers/503"]
            .map(|path| request(address, path, "").0)
    });
    assert_eq!(answers.await.unwrap(), [200, 502, 200, 200, 400, 404, 503]);
    handle.stop(true).await;
    server.await.unwrap().unwrap();
    assert_eq!((counts("shows"), counts("route_above")), ([1, 1, 0, 0], [1, 1, 0, 0]));
    assert_eq!(counts("route_below"), [1, 0, 0, 0]);
    assert_eq!(counts("answers_itself"), [1, 1, 0, 0]);
}
