//! The thread that takes connections.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::connection::{Connection, Direction};
use super::shared::Shared;

/// Takes connections until it is cut; then nobody listens any more.
pub(super) fn spawn(listener: TcpListener, shared: &Arc<Shared>) -> JoinHandle<()> {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        loop {
            let accepted = listener.accept();
            if shared.is_cut() {
                break;
            }
            // A client that has gone again, and a target that is not there, are all the same here:
            // the client's connection ends.
            let Ok((client, _)) = accepted else { continue };
            let Ok(server) = TcpStream::connect(shared.target) else { continue };
            open(&shared, client, server);
        }
        drop(listener);
        shared.not_listening();
    })
}

fn open(shared: &Arc<Shared>, client: TcpStream, server: TcpStream) {
    let Ok(connection) = Connection::new(client, server) else { return };
    let connection = Arc::new(connection);
    if !shared.open(&connection) {
        return;
    }
    for direction in [Direction::ToServer, Direction::ToClient] {
        let (shared, connection) = (Arc::clone(shared), Arc::clone(&connection));
        thread::spawn(move || {
            connection.pass(direction, &shared);
            shared.close(connection);
        });
    }
}
