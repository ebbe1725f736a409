//! actix-web: connections of its workers, with a middleware that counts their requests.

use super::{Gate, Raw, becomes};
use actix_web::{App, HttpServer, web};
use runtime_metrics::collectors::web::Server;

#[actix_web::test]
async fn connections_are_active_while_they_are_answered_and_idle_between() {
    let (server, gate) = (Server::new("actix"), Gate::new());
    let data = gate.clone();
    let serving = HttpServer::new(move || {
        App::new().app_data(web::Data::new(data.clone())).wrap(server.middleware()).route("/", web::get().to(hello))
    })
    .on_connect(server.on_connect())
    .workers(2)
    .disable_signals()
    .bind(("127.0.0.1", 0))
    .unwrap();
    let address = serving.addrs()[0];
    server.accepts(address);
    let serving = serving.run();
    let handle = serving.handle();
    let serving = actix_web::rt::spawn(serving);

    let clients = actix_web::rt::task::spawn_blocking(move || {
        becomes("actix", 0, 0);
        let mut clients: Vec<Raw> = (0..4).map(|_| Raw::connect(address)).collect();
        becomes("actix", 0, 4);
        for _ in 0..3 {
            clients.iter_mut().take(3).for_each(|client| client.send("/"));
            becomes("actix", 3, 1);
            gate.open(3);
            clients.iter_mut().take(3).for_each(|client| drop(client.until("hello")));
            becomes("actix", 0, 4);
        }
        // Of those who hang up, one is being answered.
        clients[0].send("/");
        becomes("actix", 1, 3);
        clients.truncate(1);
        becomes("actix", 1, 0);
        drop(clients);
        // actix-web lets the handler go on, and only then finds that nobody listens.
        gate.open(1);
        becomes("actix", 0, 0);
    });
    clients.await.unwrap();
    handle.stop(true).await;
    serving.await.unwrap().unwrap();
}

async fn hello(gate: web::Data<Gate>) -> &'static str {
    gate.pass().await;
    "hello"
}
