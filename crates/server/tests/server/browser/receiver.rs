//! What an institution runs: a page users come back to, and a door for callbacks.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::{get, post};

/// Answers callbacks as it is told.
pub struct Receiver {
    address: SocketAddr,
    says: Arc<Mutex<&'static str>>,
}

impl Receiver {
    pub async fn start() -> Self {
        let says = Arc::new(Mutex::new(r#"{"code":"FAIL","msg":"not yet"}"#));
        let router = Router::new()
            .route("/h5", get(async || Html("<title>bank</title><h1>coupons</h1>")))
            .route(
                "/notify",
                post(async |State(says): State<Arc<Mutex<&'static str>>>| *says.lock().unwrap()),
            )
            .with_state(Arc::clone(&says));
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let options = huodong_server::ListenOptions::default();
        tokio::spawn(async move {
            huodong_server::serve(listener, router, options, std::future::pending()).await;
        });
        Self { address, says }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn says(&self, says: &'static str) {
        *self.says.lock().unwrap() = says;
    }
}
