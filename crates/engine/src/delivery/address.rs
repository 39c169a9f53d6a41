//! Where a callback may go. An address is a caller's input, and the server stands in networks that
//! its callers do not: without this it could be made to speak to what only it can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;
use thiserror::Error;

use super::DeliveryOptions;

/// Why an address is not posted to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ForbiddenAddress {
    /// It is no URL.
    #[error("the address is no URL with a host")]
    NoUrl,
    /// It is neither https nor, where that is allowed, http.
    #[error("the address must be {0}")]
    Scheme(&'static str),
    /// It carries a user name or a password.
    #[error("the address must not carry a user name or a password")]
    Credentials,
    /// It leads to a network that callbacks may not go to.
    #[error("{address} is {network}, where callbacks may not go")]
    Network {
        /// The address it leads to.
        address: IpAddr,
        /// What that is.
        network: &'static str,
    },
}

/// Checks what can be told of an address without resolving its host, which happens where the
/// connection is made.
pub fn check_address(address: &str, options: &DeliveryOptions) -> Result<(), ForbiddenAddress> {
    parse(address, options).map(|_| ())
}

/// The address, checked.
pub(super) fn parse(address: &str, options: &DeliveryOptions) -> Result<Url, ForbiddenAddress> {
    let url = Url::parse(address).map_err(|_| ForbiddenAddress::NoUrl)?;
    match url.scheme() {
        "https" => {}
        "http" if options.allow_http => {}
        _ if options.allow_http => return Err(ForbiddenAddress::Scheme("https or http")),
        _ => return Err(ForbiddenAddress::Scheme("https")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ForbiddenAddress::Credentials);
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(ForbiddenAddress::NoUrl)?;
    // A host that is an address is connected to without being resolved. Whichever way it was
    // written (octal, hexadecimal, one number), by now it is written the usual one.
    if let Ok(address) = host.trim_matches(['[', ']']).parse() {
        check_network(address, options)?;
    }
    Ok(url)
}

/// Whether callbacks may go to this network address.
pub(super) fn check_network(
    address: IpAddr,
    options: &DeliveryOptions,
) -> Result<(), ForbiddenAddress> {
    match special(address) {
        Some(network) if !options.allow_private => {
            Err(ForbiddenAddress::Network { address, network })
        }
        _ => Ok(()),
    }
}

/// Networks that are not the public internet, by first address and length of prefix; after IANA's
/// registries of special-purpose addresses.
const V4: [(Ipv4Addr, u32, &str); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, "unspecified"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "a provider's private network"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "reserved"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "for documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "reserved"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "for measurements"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "for documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "for documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(255, 255, 255, 255), 32, "broadcast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];

/// The same for IPv6.
const V6: [(Ipv6Addr, u32, &str); 14] = [
    (Ipv6Addr::UNSPECIFIED, 128, "unspecified"),
    (Ipv6Addr::LOCALHOST, 128, "loopback"),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, "private"),
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64, "reserved"),
    // It wraps an IPv4 address that only its relay can tell.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, "a tunnel"),
    (Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0), 48, "for measurements"),
    (Ipv6Addr::new(0x2001, 0x10, 0, 0, 0, 0, 0, 0), 28, "reserved"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "for documentation"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "for documentation"),
    (Ipv6Addr::new(0x5f00, 0, 0, 0, 0, 0, 0, 0), 16, "reserved"),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, "private"),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "link-local"),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, "private"),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "multicast"),
];

/// What an address is, where it is not of the public internet.
fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            let own = V6.into_iter().find_map(|(network, prefix, name)| {
                (bits >> (128 - prefix) == u128::from(network) >> (128 - prefix)).then_some(name)
            });
            own.or_else(|| wrapped(address).and_then(v4))
        }
    }
}

fn v4(address: Ipv4Addr) -> Option<&'static str> {
    let bits = u32::from(address);
    V4.into_iter().find_map(|(network, prefix, name)| {
        (bits >> (32 - prefix) == u32::from(network) >> (32 - prefix)).then_some(name)
    })
}

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, translated, NAT64 or 6to4.
fn wrapped(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let of = |high: u16, low: u16| Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0 | 0xffff] | [0, 0, 0, 0, 0xffff, 0] | [0x64, 0xff9b, 0, 0, 0, 0] => {
            of(g, h)
        }
        [0x2002, high, low, ..] => of(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(allow_http: bool, allow_private: bool) -> DeliveryOptions {
        DeliveryOptions { allow_http, allow_private, ..DeliveryOptions::default() }
    }

    #[test]
    fn special_networks_however_they_are_written() {
        let table = [
            ("127.0.0.1", "loopback"),
            ("127.1", "loopback"),
            ("0x7f000001", "loopback"),
            ("2130706433", "loopback"),
            ("0177.0.0.1", "loopback"),
            ("127.0.0.1.", "loopback"),
            ("%31%32%37.0.0.1", "loopback"),
            ("１２７.0.0.1", "loopback"),
            ("0.0.0.0", "unspecified"),
            ("0", "unspecified"),
            ("10.0.0.1", "private"),
            ("012.0.0.1", "private"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.168.1.1", "private"),
            ("100.64.0.1", "a provider's private network"),
            ("100.127.255.255", "a provider's private network"),
            ("169.254.169.254", "link-local"),
            ("192.0.0.8", "reserved"),
            ("192.0.2.1", "for documentation"),
            ("198.51.100.1", "for documentation"),
            ("203.0.113.1", "for documentation"),
            ("192.88.99.1", "reserved"),
            ("198.19.255.255", "for measurements"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.255", "multicast"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "broadcast"),
            ("[::]", "unspecified"),
            ("[::1]", "loopback"),
            ("[0:0:0:0:0:0:0:1]", "loopback"),
            ("[::127.0.0.1]", "loopback"),
            ("[::ffff:127.0.0.1]", "loopback"),
            ("[::ffff:a00:1]", "private"),
            ("[::ffff:169.254.169.254]", "link-local"),
            ("[::ffff:0:127.0.0.1]", "loopback"),
            ("[::ffff:0:a9fe:a9fe]", "link-local"),
            ("[64:ff9b::10.1.2.3]", "private"),
            ("[64:ff9b::7f00:1]", "loopback"),
            ("[64:ff9b:1::1]", "private"),
            ("[2002:7f00:1::]", "loopback"),
            ("[2002:c0a8:101::5]", "private"),
            ("[2001:0:1::]", "a tunnel"),
            ("[2001:2::1]", "for measurements"),
            ("[2001:db8::1]", "for documentation"),
            ("[3fff::1]", "for documentation"),
            ("[100::1]", "reserved"),
            ("[5f00::1]", "reserved"),
            ("[fc00::1]", "private"),
            ("[fdff::1]", "private"),
            ("[fe80::1]", "link-local"),
            ("[fec0::1]", "private"),
            ("[ff02::1]", "multicast"),
        ];
        for (host, expected) in table {
            let address = format!("https://{host}:8443/notify");
            match check_address(&address, &options(false, false)) {
                Err(ForbiddenAddress::Network { network, .. }) => {
                    assert_eq!(network, expected, "{host}");
                }
                other => panic!("{host}: {other:?}"),
            }
            assert_eq!(check_address(&address, &options(false, true)), Ok(()), "{host}");
        }
    }

    #[test]
    fn the_public_internet_and_names_are_let_through() {
        for host in [
            "bank.example.com",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.255.255",
            "172.32.0.1",
            "198.17.255.255",
            "198.20.0.1",
            "223.255.255.255",
            "[2400:3200::1]",
            "[::ffff:8.8.8.8]",
            "[::ffff:0:8.8.8.8]",
            "[64:ff9b::8.8.8.8]",
            "[2002:808:808::1]",
        ] {
            let address = format!("https://{host}/notify?a=b");
            assert_eq!(check_address(&address, &options(false, false)), Ok(()), "{host}");
        }
    }

    #[test]
    fn an_address_is_https_with_a_host_and_nobodys_password() {
        let table = [
            ("http://bank.example.com/", Err(ForbiddenAddress::Scheme("https"))),
            ("ftp://bank.example.com/", Err(ForbiddenAddress::Scheme("https"))),
            ("file:///etc/passwd", Err(ForbiddenAddress::Scheme("https"))),
            ("https://", Err(ForbiddenAddress::NoUrl)),
            ("bank.example.com/notify", Err(ForbiddenAddress::NoUrl)),
            ("", Err(ForbiddenAddress::NoUrl)),
            ("https://user@bank.example.com/", Err(ForbiddenAddress::Credentials)),
            ("https://user:secret@bank.example.com/", Err(ForbiddenAddress::Credentials)),
            ("HTTPS://Bank.Example.com:444/notify", Ok(())),
        ];
        for (address, expected) in table {
            assert_eq!(check_address(address, &options(false, false)), expected, "{address}");
        }
        let http = options(true, false);
        assert_eq!(check_address("http://bank.example.com/", &http), Ok(()));
        let ftp = check_address("ftp://bank.example.com/", &http);
        assert_eq!(ftp, Err(ForbiddenAddress::Scheme("https or http")));
    }
}
