//! A writer that stands still for as long as a test wants.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use huodong_campaign::{Command, Wanted, World};
use huodong_engine::Engine;

use crate::app::PATIENCE;

/// A command that keeps the writer busy until it is told to go on.
struct Stopper {
    entered: Sender<()>,
    go_on: Mutex<Receiver<()>>,
}

impl Command for Stopper {
    type Done = ();
    type Refusal = ();

    fn wants<'a>(&'a self, _wanted: &mut Wanted<'a>) {}

    fn decide(&self, _world: &mut World) -> Result<(), ()> {
        // An error means that it is begun anew, or that the test is over.
        let _ = self.entered.send(());
        let _ = self.go_on.lock().unwrap().recv();
        Ok(())
    }
}

/// Keeps the writer busy from the moment it comes to this; the first end tells that it has, the
/// second lets it go on.
pub fn stop_writer(engine: &Engine) -> (Receiver<()>, Sender<()>) {
    let ((entered, has_entered), (go_on, may_go_on)) = (channel(), channel());
    let (engine, stopper) = (engine.clone(), Stopper { entered, go_on: Mutex::new(may_go_on) });
    tokio::spawn(async move { engine.submit(stopper, 10 * PATIENCE).await });
    (has_entered, go_on)
}
