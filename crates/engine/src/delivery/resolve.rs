//! Names of receivers, turned into addresses that callbacks may go to.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::{Semaphore, watch};

use super::DeliveryOptions;
use super::address::check_network;

/// How many names are resolved at once, each for no longer than connecting may take.
const AT_ONCE_MAX: usize = 128;
/// How many threads that takes at the most: the system's resolver may keep one long after nobody
/// waits for it. Fewer than there are threads for what blocks, as the database is read on those too.
const THREADS_MAX: usize = 256;

type Found = Result<Arc<[SocketAddr]>, Arc<dyn std::error::Error + Send + Sync>>;
type Asked = HashMap<String, watch::Sender<Option<Found>>>;

/// Resolves by the system's resolver. What it hands out is connected to as it is, so that nobody
/// can answer the check with one address and the connection with another. Those who ask for the
/// same name at once share one answer: a name whose servers are dead holds one thread, however many
/// callbacks go there.
#[derive(Debug)]
pub(super) struct GuardedDns {
    options: DeliveryOptions,
    /// Names that are looked up, or wait for it; at most one for each attempt under way and one for
    /// each thread.
    under_way: Arc<Mutex<Asked>>,
    turns: Arc<Semaphore>,
    threads: Arc<Semaphore>,
}

impl GuardedDns {
    pub(super) fn new(options: DeliveryOptions) -> Self {
        Self {
            options,
            under_way: Arc::default(),
            turns: Arc::new(Semaphore::new(AT_ONCE_MAX)),
            threads: Arc::new(Semaphore::new(THREADS_MAX)),
        }
    }

    /// Where the answer for a name will be found. It is looked up on a task of its own, which once
    /// begun goes on when whoever asked no longer waits; until then it is given up with them.
    fn ask<L>(&self, name: &str, lookup: L) -> watch::Receiver<Option<Found>>
    where
        L: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        let mut under_way = self.under_way.lock();
        let slot = match under_way.entry(name.to_owned()) {
            Entry::Occupied(asked) => return asked.get().subscribe(),
            Entry::Vacant(slot) => slot,
        };
        let (tell, found) = watch::channel(None);
        slot.insert(tell.clone());
        drop(under_way);
        let (turns, threads) = (Arc::clone(&self.turns), Arc::clone(&self.threads));
        let all = Arc::clone(&self.under_way);
        let within = self.options.connect_timeout;
        let name = name.to_owned();
        tokio::spawn(async move {
            let begin = async { (threads.acquire().await, turns.acquire().await) };
            tokio::pin!(begin);
            let (thread, turn) = loop {
                tokio::select! {
                    began = &mut begin => break began,
                    () = tell.closed() => {
                        let mut all = all.lock();
                        // Nobody can have asked anew since: that takes the lock.
                        if tell.receiver_count() == 0 {
                            all.remove(&name);
                            return;
                        }
                    }
                }
            };
            tokio::pin!(lookup);
            let answer = match tokio::time::timeout(within, &mut lookup).await {
                Ok(answer) => answer,
                Err(late) => {
                    // Those who ask while the thread is still busy with the name are told the same.
                    tell.send_replace(Some(Err(Arc::new(late))));
                    drop(turn);
                    let answer = lookup.await;
                    all.lock().remove(&name);
                    drop((answer, thread));
                    return;
                }
            };
            all.lock().remove(&name);
            tell.send_replace(Some(match answer {
                Ok(addresses) => Ok(addresses.into()),
                Err(error) => Err(Arc::new(error)),
            }));
        });
        found
    }
}

impl Resolve for GuardedDns {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let mut asked = self.ask(name.as_str(), async move {
            // Port 0 stands for the address's own.
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.collect())
        });
        let options = self.options.clone();
        Box::pin(async move {
            let found = asked.wait_for(Option::is_some).await?.clone();
            let found = found.ok_or("the name was not looked up")??;
            allowed(&found, &options)
        })
    }
}

/// Of the addresses of a name, those that callbacks may go to.
fn allowed(
    found: &[SocketAddr],
    options: &DeliveryOptions,
) -> Result<Addrs, Box<dyn std::error::Error + Send + Sync>> {
    let mut allowed = Vec::with_capacity(found.len());
    let mut forbidden = None;
    for address in found {
        match check_network(address.ip(), options) {
            Ok(()) => allowed.push(*address),
            Err(why) => forbidden = Some(why),
        }
    }
    match forbidden {
        Some(why) if allowed.is_empty() => Err(Box::new(why)),
        _ => Ok(Box::new(allowed.into_iter())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::address::ForbiddenAddress;
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    #[test]
    fn of_a_names_addresses_only_the_allowed_are_handed_out() {
        let options = DeliveryOptions::default();
        let both = addresses(&["10.0.0.1:0", "8.8.8.8:0"]);
        let handed_out: Vec<_> = allowed(&both, &options).expect("one is allowed").collect();
        assert_eq!(handed_out, addresses(&["8.8.8.8:0"]));

        let Err(why) = allowed(&addresses(&["[::1]:0", "127.0.0.1:0"]), &options) else {
            panic!("none is allowed");
        };
        assert!(why.downcast_ref::<ForbiddenAddress>().is_some());

        let options = DeliveryOptions { allow_private: true, ..options };
        assert_eq!(allowed(&both, &options).expect("all are allowed").count(), 2);
    }

    fn dns() -> GuardedDns {
        let connect_timeout = std::time::Duration::from_millis(50);
        GuardedDns::new(DeliveryOptions { connect_timeout, ..DeliveryOptions::default() })
    }

    fn of(texts: &'static [&str]) -> impl Future<Output = io::Result<Vec<SocketAddr>>> {
        std::future::ready(Ok(addresses(texts)))
    }

    #[tokio::test]
    async fn dead_names_hold_up_a_living_one_no_longer_than_connecting_may_take() {
        let dns = dns();
        let dead: Vec<_> = (0..AT_ONCE_MAX)
            .map(|n| dns.ask(&format!("dead{n}.example"), std::future::pending()))
            .collect();
        let mut living = dns.ask("living.example", of(&["8.8.8.8:0"]));
        let found = living.wait_for(Option::is_some).await.expect("an answer").clone();
        assert_eq!(&*found.expect("found").expect("an address"), addresses(&["8.8.8.8:0"]));
        for mut dead in dead {
            assert!(matches!(*dead.wait_for(Option::is_some).await.expect("told"), Some(Err(_))));
        }
        // Who asks for one again is told at once, and takes no second thread.
        let again = dns.ask("dead0.example", of(&["8.8.8.8:0"]));
        assert!(matches!(*again.borrow(), Some(Err(_))));
        assert_eq!(dns.threads.available_permits(), THREADS_MAX - AT_ONCE_MAX);
    }

    #[tokio::test]
    async fn a_name_nobody_waits_for_any_more_is_not_looked_up() {
        let dns = dns();
        let turns = dns.turns.acquire_many(128).await.expect("all of them");
        let (looked_up, mut heard) = tokio::sync::oneshot::channel();
        let asked = dns.ask("gone.example", async move {
            let _ = looked_up.send(());
            Ok(Vec::new())
        });
        tokio::task::yield_now().await;
        assert_eq!(dns.under_way.lock().len(), 1);
        drop(asked);
        while !dns.under_way.lock().is_empty() {
            tokio::task::yield_now().await;
        }
        drop(turns);
        assert!(heard.try_recv().is_err(), "it was dropped unasked");
        assert_eq!(dns.threads.available_permits(), THREADS_MAX);
    }
}
