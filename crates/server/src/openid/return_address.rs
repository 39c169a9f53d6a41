use std::net::IpAddr;

use reqwest::Url;
use thiserror::Error;

/// How long a return address may be, as it is written out.
const LENGTH_MAX: usize = 2_048;
/// What the answer's parameters are called.
const OPENID: &str = "openid";
const FROM: (&str, &str) = ("from", "dshy");

/// Why an address is none users may be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadAddress {
    /// It is longer than 2048 characters.
    #[error("is longer than {LENGTH_MAX} characters")]
    TooLong,
    /// It is not a whole http or https address.
    #[error("is not an http or https address")]
    NotWeb,
    /// It has a backslash or a control character, of which programs make different things.
    #[error("has a backslash or a control character")]
    Tricky,
    /// It names a user or a password.
    #[error("names a user or a password")]
    Credentials,
    /// Its path hides a slash, a backslash, a control character or a step upwards.
    #[error("has a path that hides where it leads")]
    HiddenPath,
    /// A prefix must not have a query or a fragment.
    #[error("must not have a query or a fragment")]
    NotAPrefix,
}

/// An address that users may be sent to, as a browser understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReturnAddress(Url);

impl ReturnAddress {
    /// Reads an address as a browser would, and refuses what another program might read otherwise.
    pub(super) fn read(text: &str) -> Result<Self, BadAddress> {
        if text.len() > LENGTH_MAX {
            return Err(BadAddress::TooLong);
        }
        if text.contains(|c: char| c == '\\' || c.is_control()) {
            return Err(BadAddress::Tricky);
        }
        let after = |scheme: &str| {
            let start = text.get(..scheme.len())?;
            start.eq_ignore_ascii_case(scheme).then(|| &text[scheme.len()..])
        };
        let rest = after("https://").or_else(|| after("http://")).ok_or(BadAddress::NotWeb)?;
        // A browser skips further slashes; others see an empty host.
        if rest.starts_with('/') {
            return Err(BadAddress::NotWeb);
        }
        if rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@')) {
            return Err(BadAddress::Credentials);
        }
        let url = Url::parse(text).map_err(|_| BadAddress::NotWeb)?;
        if url.path_segments().is_some_and(|mut segments| segments.any(hides)) {
            return Err(BadAddress::HiddenPath);
        }
        if url.as_str().len() > LENGTH_MAX {
            return Err(BadAddress::TooLong);
        }
        Ok(Self(url))
    }

    /// True where one of these prefixes has the same scheme, host and port, and a path this one
    /// begins with, segment by segment. A prefix on this very machine without a port is for every
    /// port there (as RFC 8252, section 7.3 has it): what a developer runs changes its port.
    pub(super) fn is_allowed(&self, prefixes: &[Box<str>]) -> bool {
        prefixes.iter().filter_map(|prefix| Self::read(prefix).ok()).any(|prefix| {
            let (address, prefix) = (&self.0, &prefix.0);
            let any_port = prefix.port().is_none() && prefix.scheme() == "http" && is_here(prefix);
            address.scheme() == prefix.scheme()
                && address.host_str() == prefix.host_str()
                && (any_port || address.port_or_known_default() == prefix.port_or_known_default())
                && is_below(address.path(), prefix.path())
        })
    }

    /// As it is written out.
    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// With `openid` and `from=dshy` in its query. An `openid` that is there already goes: were it
    /// to stay, whoever made the link could have the receiver take a stranger's openid for the
    /// user's.
    pub(super) fn with_openid(&self, openid: &str) -> Url {
        let query = self.0.query().unwrap_or_default();
        let mut kept: String = query
            .split('&')
            .filter(|pair| !pair.is_empty() && !is_ours(pair))
            .flat_map(|pair| [pair, "&"])
            .collect();
        let added = form_urlencoded::Serializer::new(String::new())
            .append_pair(OPENID, openid)
            .append_pair(FROM.0, FROM.1)
            .finish();
        kept.push_str(&added);
        let mut url = self.0.clone();
        url.set_query(Some(&kept));
        url
    }
}

/// True where only this machine's own browsers get to.
fn is_here(url: &Url) -> bool {
    match url.host_str().unwrap_or_default() {
        "localhost" => true,
        host => host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
    }
}

/// Sees that an address can stand in an allow-list: scheme, host, port and the path's beginning.
pub fn check_allowed(prefix: &str) -> Result<(), BadAddress> {
    let ReturnAddress(url) = ReturnAddress::read(prefix)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(BadAddress::NotAPrefix);
    }
    Ok(())
}

/// `/h5` covers `/h5` and `/h5/…` but not `/h5x`; `/h5/` covers `/h5/…` alone.
fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/'))
}

/// True where a server that decodes once more than a browser, or cuts off `;parameters`, sees more
/// than one segment, or a step upwards.
fn hides(segment: &str) -> bool {
    let mut text = segment.to_owned();
    for _ in 0..2 {
        text = decoded(&text);
        let name = text.split(';').next().unwrap_or_default();
        let splits = |c: char| matches!(c, '/' | '\\') || c.is_control();
        if text.contains(splits) || matches!(name, "." | "..") {
            return true;
        }
    }
    false
}

fn is_ours(pair: &str) -> bool {
    let mut parsed = form_urlencoded::parse(pair.as_bytes());
    parsed.next().is_some_and(|(name, value)| {
        name.trim().eq_ignore_ascii_case(OPENID) || (&*name, &*value) == FROM
    })
}

/// Percent-decoded; `+` stays what it is.
fn decoded(text: &str) -> String {
    let plus = text.replace('+', "%2B");
    // A pair without a name: what is parsed as its value is the whole text, but for `&`.
    let pieces = plus.split('&').map(|piece| {
        let pair = format!("={piece}");
        let value = form_urlencoded::parse(pair.as_bytes()).next();
        value.map(|(_, value)| value.into_owned()).unwrap_or_default()
    });
    pieces.collect::<Vec<_>>().join("&")
}

/// The return address in a query, as callers write it: encoded, encoded once too often, or not at
/// all, in which case its own parameters look like ours and are taken with it. `None` where there
/// is none or more than one.
pub(super) fn in_query(query: &str) -> Option<String> {
    const NAME: &str = "wmcb=";
    let mut pairs = query.split('&').enumerate().filter(|(_, pair)| pair.starts_with(NAME));
    let (place, pair) = pairs.next()?;
    let written = &pair[NAME.len()..];
    if written.contains("://") && written.contains('?') {
        let begin: usize = query.split('&').take(place).map(|pair| pair.len() + 1).sum();
        return Some(query[begin + NAME.len()..].to_owned());
    }
    if pairs.next().is_some() {
        return None;
    }
    let (_, address) = form_urlencoded::parse(pair.as_bytes()).next()?;
    let scheme = address.get(..9).unwrap_or_default().to_ascii_lowercase();
    if scheme.starts_with("http%3a") || scheme.starts_with("https%3a") {
        return Some(decoded(&address));
    }
    Some(address.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, BadAddress> {
        ReturnAddress::read(text).map(|address| address.as_str().to_owned())
    }

    fn allowed(address: &str, prefix: &str) -> bool {
        ReturnAddress::read(address).expect("an address").is_allowed(&[prefix.into()])
    }

    #[test]
    fn an_address_is_what_a_browser_makes_of_it() {
        let same = |text: &str, is: &str| assert_eq!(read(text).as_deref(), Ok(is), "{text}");
        same("HTTPS://M.Bank.example", "https://m.bank.example/");
        same(
            "https://m.bank.example:443/a/../b?q=张#/c",
            "https://m.bank.example/b?q=%E5%BC%A0#/c",
        );
        same(
            "https://m.bank.example/a?next=http%3A%2F%2Fx",
            "https://m.bank.example/a?next=http%3A%2F%2Fx",
        );
    }

    #[test]
    fn what_programs_read_differently_is_no_address() {
        for (text, why) in [
            ("", BadAddress::NotWeb),
            ("m.bank.example/h5", BadAddress::NotWeb),
            ("//m.bank.example/h5", BadAddress::NotWeb),
            ("https:m.bank.example", BadAddress::NotWeb),
            ("https:///m.bank.example", BadAddress::NotWeb),
            ("https://", BadAddress::NotWeb),
            ("https://m.bank.example:99999/", BadAddress::NotWeb),
            ("javascript:alert(1)//https://m.bank.example", BadAddress::NotWeb),
            ("data:text/html,https://m.bank.example", BadAddress::NotWeb),
            (" https://m.bank.example", BadAddress::NotWeb),
            ("https://m.bank.example\\@evil.example", BadAddress::Tricky),
            ("https:\\\\m.bank.example", BadAddress::Tricky),
            ("https://m.bank.example/\r\nSet-Cookie: a=b", BadAddress::Tricky),
            ("https://m.bank.example\u{0}.evil.example", BadAddress::Tricky),
            ("ht\ttps://m.bank.example", BadAddress::Tricky),
            ("https://m.bank.example@evil.example/", BadAddress::Credentials),
            ("https://:@evil.example/", BadAddress::Credentials),
            ("https://m.bank.example/h5/..%2fadmin", BadAddress::HiddenPath),
            ("https://m.bank.example/h5/%5c..%5cadmin", BadAddress::HiddenPath),
            ("https://m.bank.example/h5/%252e%252e/admin", BadAddress::HiddenPath),
            ("https://m.bank.example/h5/..;x=1/admin", BadAddress::HiddenPath),
            ("https://m.bank.example/h5/%00", BadAddress::HiddenPath),
        ] {
            assert_eq!(read(text), Err(why), "{text:?}");
        }
        let long = |length: usize| format!("https://m.bank.example/{}", "a".repeat(length - 23));
        assert!(read(&long(2_048)).is_ok());
        assert_eq!(read(&long(2_049)), Err(BadAddress::TooLong));
        let grows = format!("https://m.bank.example/?q={}", "张".repeat(600));
        assert!(grows.len() < 2_048);
        assert_eq!(read(&grows), Err(BadAddress::TooLong));
    }

    #[test]
    fn an_address_is_allowed_by_scheme_host_port_and_whole_segments() {
        let prefix = "https://m.bank.example/h5";
        for address in [
            "https://m.bank.example/h5",
            "https://M.BANK.example:443/h5/coupons?a=b#c",
            "https://m.bank.example/x/../h5/",
            "https://m.bank.example/h5?a=https://evil.example",
        ] {
            assert!(allowed(address, prefix), "{address}");
        }
        for address in [
            "http://m.bank.example/h5",
            "https://m.bank.example:8443/h5",
            "https://m.bank.example./h5",
            "https://bank.example/h5",
            "https://m.bank.example.evil.example/h5",
            "https://evil.example/m.bank.example/h5",
            "https://evil.example?https://m.bank.example/h5",
            "https://evil.example#https://m.bank.example/h5",
            "https://m.bank.example/h5x",
            "https://m.bank.example/H5",
            "https://m.bank.example/",
            "https://m.bank.example/h5/../admin",
            "https://m.bank.example/h5/%2e%2e/admin",
        ] {
            assert!(!allowed(address, prefix), "{address}");
        }
        assert!(allowed("https://a.example/h5/", "https://a.example/h5/"));
        assert!(!allowed("https://a.example/h5", "https://a.example/h5/"));
        assert!(allowed("https://a.example/any", "https://a.example"));
        assert!(allowed("http://127.0.0.1:3000/x", "http://127.0.0.1:3000/"));
        assert!(!allowed("http://127.0.0.1:3001/x", "http://127.0.0.1:3000/"));
        for here in ["http://127.0.0.1", "http://localhost/h5", "http://[::1]/"] {
            let (scheme, rest) = here.split_at(7);
            let host = rest.split('/').next().expect("a host");
            assert!(allowed(&format!("{scheme}{host}:3000/h5"), here), "{here}");
        }
        assert!(!allowed("https://localhost:3000/", "https://localhost/"));
        assert!(!allowed("http://127.0.0.1.evil.example:3000/", "http://127.0.0.1"));
        assert!(!allowed("http://10.0.0.1:3000/", "http://10.0.0.1/"));
    }

    #[test]
    fn openid_and_from_join_the_query_before_the_fragment() {
        let with = |text: &str| {
            ReturnAddress::read(text).expect("an address").with_openid("o+1").to_string()
        };
        let end = "openid=o%2B1&from=dshy";
        for (address, is) in [
            ("https://a.example", format!("https://a.example/?{end}")),
            ("https://a.example/x?", format!("https://a.example/x?{end}")),
            ("https://a.example/x?a=1&b=%26", format!("https://a.example/x?a=1&b=%26&{end}")),
            ("https://a.example/x?a=1&", format!("https://a.example/x?a=1&{end}")),
            ("https://a.example/x#/list?c=1", format!("https://a.example/x?{end}#/list?c=1")),
            ("https://a.example/x?a#f", format!("https://a.example/x?a&{end}#f")),
            ("https://a.example/?openid=evil&a=1", format!("https://a.example/?a=1&{end}")),
            ("https://a.example/?%6fpenID=evil", format!("https://a.example/?{end}")),
            (
                "https://a.example/?from=dshy&from=menu",
                format!("https://a.example/?from=menu&{end}"),
            ),
        ] {
            assert_eq!(with(address), is, "{address}");
        }
    }

    #[test]
    fn the_return_address_comes_encoded_or_not() {
        let plain = "https://a.example/x?a=1&b=2";
        for query in [
            "wmcb=https%3A%2F%2Fa.example%2Fx%3Fa%3D1%26b%3D2",
            "wmcb=https%253A%252F%252Fa.example%252Fx%253Fa%253D1%2526b%253D2",
            "wmcb=https://a.example/x?a=1&b=2",
            "x=y&wmcb=https://a.example/x?a=1&b=2",
        ] {
            assert_eq!(in_query(query).as_deref(), Some(plain), "{query}");
        }
        assert_eq!(in_query("wmcb=https://a.example/x").as_deref(), Some("https://a.example/x"));
        assert_eq!(
            in_query("wmcb=https://a.example/x&from=singlemessage").as_deref(),
            Some("https://a.example/x")
        );
        for query in ["", "wmcb", "other=1", "wmcb=a&wmcb=b"] {
            assert_eq!(in_query(query), None, "{query}");
        }
    }

    #[test]
    fn an_allow_list_takes_addresses_without_query() {
        assert_eq!(check_allowed("https://a.example/h5"), Ok(()));
        assert_eq!(check_allowed("https://a.example/?a"), Err(BadAddress::NotAPrefix));
        assert_eq!(check_allowed("https://a.example/#a"), Err(BadAddress::NotAPrefix));
        assert_eq!(check_allowed("ftp://a.example/"), Err(BadAddress::NotWeb));
    }
}
