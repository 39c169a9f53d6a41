//! Names of receivers, turned into addresses that callbacks may go to.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::{Semaphore, watch};

use super::DeliveryOptions;
use super::address::check_network;

/// How many names are resolved at once. Each takes a thread, for as long as the system's resolver
/// takes to give up.
const AT_ONCE_MAX: usize = 64;

type Found = Result<Arc<[SocketAddr]>, Arc<dyn std::error::Error + Send + Sync>>;

/// Resolves by the system's resolver. What it hands out is connected to as it is, so that nobody
/// can answer the check with one address and the connection with another. Those who ask for the
/// same name at once share one answer: a name whose servers are dead holds one thread, however many
/// callbacks go there.
#[derive(Debug)]
pub(super) struct GuardedDns {
    options: DeliveryOptions,
    under_way: Arc<Mutex<HashMap<String, watch::Receiver<Option<Found>>>>>,
    threads: Arc<Semaphore>,
}

impl GuardedDns {
    pub(super) fn new(options: DeliveryOptions) -> Self {
        Self { options, under_way: Arc::default(), threads: Arc::new(Semaphore::new(AT_ONCE_MAX)) }
    }

    /// Where the answer for a name will be found. It is looked up on a task of its own, which goes
    /// on when whoever asked no longer waits.
    fn ask(&self, name: &str) -> watch::Receiver<Option<Found>> {
        let mut under_way = self.under_way.lock();
        let slot = match under_way.entry(name.to_owned()) {
            Entry::Occupied(asked) => return asked.get().clone(),
            Entry::Vacant(slot) => slot,
        };
        let (tell, found) = watch::channel(None);
        slot.insert(found.clone());
        let (threads, all) = (Arc::clone(&self.threads), Arc::clone(&self.under_way));
        let name = name.to_owned();
        tokio::spawn(async move {
            let thread = threads.acquire().await;
            // Port 0 stands for the address's own.
            let answer = tokio::net::lookup_host((name.as_str(), 0)).await;
            drop(thread);
            all.lock().remove(&name);
            tell.send_replace(Some(match answer {
                Ok(addresses) => Ok(addresses.collect()),
                Err(error) => Err(Arc::new(error)),
            }));
        });
        found
    }
}

impl Resolve for GuardedDns {
    fn resolve(&self, name: Name) -> Resolving {
        let mut asked = self.ask(name.as_str());
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
}
