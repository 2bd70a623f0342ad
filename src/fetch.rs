//! The only way out of the process: HTTP that is guarded, bounded and polite.
//!
//! Every address is checked where it is used: a literal in an URL before the request and at each redirect, a name after each
//! DNS answer, and the connection goes to exactly what that answer gave. Private, loopback, link-local, multicast and metadata
//! addresses are refused unless `fetch.allow_private` names them. Bytes are counted after decompression, chunk by chunk.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::{Host, Url};

/// Bytes of an answer's body, decompressed, unless the caller allows fewer.
pub const MAX_BODY: usize = 32 << 20;

/// Redirects that are followed.
const MAX_REDIRECTS: usize = 5;

/// Requests to one host at the same time.
const PER_HOST: usize = 2;

/// Requests to one host's callbacks at the same time: one host can't take all connections.
const CALLBACKS_PER_HOST: usize = 1024;

/// Bytes of a callback's answer that are read.
const SMALL: usize = 4096;

const CALLBACK_CONNECT: Duration = Duration::from_secs(5);
const CALLBACK: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(15);
const WHOLE: Duration = Duration::from_secs(60);

/// Why an answer could not be had. Each says what happened to which address, and what to do where that helps.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The address is one that strangers must not make us talk to.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// The URL is not http or https, or has no host.
    #[error("{0}: only http and https addresses can be fetched")]
    Scheme(Url),
    /// The server took too long.
    #[error("{0}: no complete answer in time")]
    TimedOut(Url),
    /// More bytes than we read.
    #[error("{url}: the answer is larger than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: Url,
        /// How many bytes would have been read.
        limit: usize,
    },
    /// The server answered, but not with what was asked for.
    #[error("{url}: the server answered {status}")]
    Status {
        /// What was asked for.
        url: Url,
        /// HTTP status code.
        status: u16,
        /// How long the server asks us to wait, in seconds.
        retry_after: Option<u64>,
    },
    /// Everything below HTTP: names, connections, TLS, broken answers.
    #[error("{url}: {why}")]
    Transport {
        /// What was asked for.
        url: Url,
        /// The innermost reasons.
        why: String,
    },
    /// The client could not be made.
    #[error("can't make an HTTP client: {0} (are the CA certificates of this machine installed?)")]
    Client(String),
}

/// An address that `fetch.allow_private` does not name.
#[derive(Debug, Clone, Error)]
#[error(
    "{host}{address} is a private or special address; if it is meant, name its network in fetch.allow_private of newsroom.toml"
)]
pub struct Refused {
    /// The name that led there, with `: `; empty where the address itself was asked for.
    host: String,
    address: IpAddr,
}

/// A whole answer in memory.
#[derive(Debug)]
pub struct Answer {
    /// Where it came from in the end, after redirects.
    pub url: Url,
    /// HTTP status code.
    pub status: u16,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its body, decompressed.
    pub body: Bytes,
}

impl Answer {
    /// A header field as text, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The server's clock when it answered (`Date`, RFC 9110 section 6.6.1).
    pub fn date(&self) -> Option<DateTime<Utc>> {
        Some(DateTime::parse_from_rfc2822(self.header("date")?).ok()?.to_utc())
    }

    /// The answer if its status is 2xx, else the error that tells the status.
    pub fn ok(self) -> Result<Self, FetchError> {
        if (200..300).contains(&self.status) { Ok(self) } else { Err(self.refusal()) }
    }

    /// The status as an error.
    pub fn refusal(&self) -> FetchError {
        let retry_after = self.headers.get(RETRY_AFTER).and_then(|value| seconds(value, self.date()));
        FetchError::Status { url: self.url.clone(), status: self.status, retry_after }
    }
}

/// `Retry-After` in seconds, from either of its forms (RFC 9110 section 10.2.3).
fn seconds(value: &HeaderValue, now: Option<DateTime<Utc>>) -> Option<u64> {
    let text = value.to_str().ok()?.trim();
    text.parse().ok().or_else(|| {
        let until = DateTime::parse_from_rfc2822(text).ok()?.to_utc();
        u64::try_from((until - now?).num_seconds()).ok()
    })
}

/// Fetches. Cheap to clone.
#[derive(Clone)]
pub struct Fetcher {
    client: reqwest::Client,
    /// For callbacks: no redirects, and no patience.
    courier: reqwest::Client,
    guard: Arc<Guard>,
    hosts: Arc<Hosts>,
    callbacks: Arc<Hosts>,
}

impl Fetcher {
    /// A fetcher that may also talk to the networks in `allow_private`.
    pub fn new(allow_private: &[IpNet]) -> Result<Self, FetchError> {
        let guard = Arc::new(Guard { allowed: allow_private.to_vec() });
        let redirects = Arc::clone(&guard);
        let policy = Policy::custom(move |attempt| {
            if attempt.previous().len() > MAX_REDIRECTS {
                return attempt.error("too many redirects");
            }
            match redirects.check_url(attempt.url()) {
                Ok(()) => attempt.follow(),
                Err(FetchError::Refused(refused)) => attempt.error(refused),
                Err(other) => attempt.error(other.to_string()),
            }
        });
        let client = client(&guard)
            .redirect(policy)
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .timeout(WHOLE)
            .pool_idle_timeout(Duration::from_secs(30));
        let courier = client_of_callbacks(&guard);
        let build =
            |builder: reqwest::ClientBuilder| builder.build().map_err(|error| FetchError::Client(reasons(&error)));
        Ok(Self {
            client: build(client)?,
            courier: build(courier)?,
            guard,
            hosts: Arc::new(Hosts::new(PER_HOST)),
            callbacks: Arc::new(Hosts::new(CALLBACKS_PER_HOST)),
        })
    }

    /// Whether an address may be talked to, as far as it tells without asking DNS.
    pub fn allows(&self, url: &Url) -> Result<(), FetchError> {
        self.guard.check_url(url)
    }

    /// A turn at a callback's host, to be held while [`Fetcher::post`] is under way.
    pub async fn callback_turn(&self, url: &Url) -> Option<OwnedSemaphorePermit> {
        self.callbacks.turn(url).await
    }

    /// Posts to a callback. Any status is an answer; its body is read no further than it takes to use the connection again.
    pub async fn post(&self, url: &Url, fields: &[(&'static str, &str)], body: Bytes) -> Result<u16, FetchError> {
        self.post_by(&self.courier, url, fields, body).await
    }

    /// Posts a form to where the redirects lead (RFC 9110 sections 15.4.8 and 15.4.9). Any status is an answer.
    pub async fn submit(&self, url: &Url, form: String) -> Result<u16, FetchError> {
        let fields = [("content-type", "application/x-www-form-urlencoded")];
        self.post_by(&self.client, url, &fields, Bytes::from(form)).await
    }

    async fn post_by(
        &self,
        client: &reqwest::Client,
        url: &Url,
        fields: &[(&'static str, &str)],
        body: Bytes,
    ) -> Result<u16, FetchError> {
        self.guard.check_url(url)?;
        let request = client.post(url.clone()).headers(headers(fields)).body(body);
        let mut response = request.send().await.map_err(|error| tell(url, error))?;
        let status = response.status().as_u16();
        let mut read = 0;
        while read < SMALL
            && let Ok(Some(chunk)) = response.chunk().await
        {
            read += chunk.len();
        }
        Ok(status)
    }

    /// Asks a callback; of the answer, no more than a challenge needs is read.
    pub async fn ask(&self, url: &Url) -> Result<(u16, Vec<u8>), FetchError> {
        self.guard.check_url(url)?;
        let _turn = self.callbacks.turn(url).await;
        let mut response = self.courier.get(url.clone()).send().await.map_err(|error| tell(url, error))?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while body.len() < SMALL
            && let Some(chunk) = response.chunk().await.map_err(|error| tell(url, error))?
        {
            body.extend_from_slice(&chunk[..chunk.len().min(SMALL - body.len())]);
        }
        Ok((status, body))
    }

    /// Gets `url`; `fields` are header fields to send. Any status is an answer.
    pub async fn get(&self, url: &Url, fields: &[(&'static str, &str)]) -> Result<Answer, FetchError> {
        self.guard.check_url(url)?;
        let _turn = self.hosts.turn(url).await;
        let request = self.client.get(url.clone()).headers(headers(fields));
        let response = request.send().await.map_err(|error| tell(url, error))?;
        read(url, response).await
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that builds clients")]
fn client(guard: &Arc<Guard>) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .user_agent(concat!("Courant/", env!("CARGO_PKG_VERSION"), " (syndication desk)"))
        .dns_resolver(Arc::new(Resolver(Arc::clone(guard))))
        .referer(false)
}

fn client_of_callbacks(guard: &Arc<Guard>) -> reqwest::ClientBuilder {
    client(guard)
        .redirect(Policy::none())
        // Of their answers the status counts.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .connect_timeout(CALLBACK_CONNECT)
        .timeout(CALLBACK)
        .pool_idle_timeout(Duration::from_secs(10))
}

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let known = |(name, value): &(&'static str, &str)| {
        Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?))
    };
    fields.iter().filter_map(known).collect()
}

async fn read(url: &Url, mut response: reqwest::Response) -> Result<Answer, FetchError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| tell(url, error))? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(FetchError::TooLarge { url: url.clone(), limit: MAX_BODY });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        url: response.url().clone(),
        status: response.status().as_u16(),
        headers: std::mem::take(response.headers_mut()),
        body: body.freeze(),
    })
}

/// What went wrong, from the chain of causes that the client gives.
fn tell(url: &Url, error: reqwest::Error) -> FetchError {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<Refused>() {
            return FetchError::Refused(refused.clone());
        }
        cause = inner.source();
    }
    if error.is_timeout() {
        return FetchError::TimedOut(url.clone());
    }
    FetchError::Transport { url: url.clone(), why: reasons(&error.without_url()) }
}

/// The causes behind an error, outermost first, without repeating what the outer one already says.
fn reasons(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}

/// Who may be talked to.
struct Guard {
    allowed: Vec<IpNet>,
}

impl Guard {
    fn check_url(&self, url: &Url) -> Result<(), FetchError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(FetchError::Scheme(url.clone()));
        }
        // A literal never reaches the resolver.
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) => return Ok(()),
            None => return Err(FetchError::Scheme(url.clone())),
        };
        self.check("", address).map_err(FetchError::Refused)
    }

    /// `name`: what was asked for, if that was not the address itself.
    fn check(&self, name: &str, address: IpAddr) -> Result<(), Refused> {
        let canonical = address.to_canonical();
        if is_public(canonical) || self.allowed.iter().any(|net| net.contains(&canonical)) {
            return Ok(());
        }
        let host = if name.is_empty() { String::new() } else { format!("{name}: ") };
        Err(Refused { host, address: canonical })
    }
}

/// Networks that are not the public internet (IANA special-purpose registries, RFC 6890), and what maps into them.
const SPECIAL: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

/// Whether an address belongs to the public internet. Expects [`IpAddr::to_canonical`]'s form.
fn is_public(address: IpAddr) -> bool {
    static NETS: std::sync::LazyLock<Vec<IpNet>> =
        std::sync::LazyLock::new(|| SPECIAL.iter().filter_map(|net| net.parse().ok()).collect());
    if let IpAddr::V6(six) = address
        && let Some(four) = carried(six)
    {
        return is_public(IpAddr::V4(four));
    }
    !NETS.iter().any(|net| net.contains(&address))
}

/// The IPv4 address that a NAT64 (RFC 6052) or 6to4 (RFC 3056) address stands for.
fn carried(address: Ipv6Addr) -> Option<std::net::Ipv4Addr> {
    let bytes = address.octets();
    let four = match bytes {
        [0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] | [0x20, 0x02, a, b, c, d, ..] => [a, b, c, d],
        _ => return None,
    };
    Some(four.into())
}

struct Resolver(Arc<Guard>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.0);
        Box::pin(async move {
            let host = name.as_str();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            // One refused answer refuses the name: a name that means both inside and outside is not to be trusted.
            for address in &found {
                guard.check(host, address.ip())?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// A turn for each host, so that one slow site gets no crowd of requests.
struct Hosts {
    each: usize,
    turns: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Hosts {
    fn new(each: usize) -> Self {
        Self { each, turns: Mutex::default() }
    }

    async fn turn(&self, url: &Url) -> Option<OwnedSemaphorePermit> {
        let semaphore = {
            // A plain mutex: held for a look-up, never across an await.
            let mut hosts = self.turns.lock().ok()?;
            if hosts.len() > 1000 {
                hosts.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
            }
            let host = url.host_str().unwrap_or_default().to_owned();
            Arc::clone(hosts.entry(host).or_insert_with(|| Arc::new(Semaphore::new(self.each))))
        };
        semaphore.acquire_owned().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(allowed: &[&str]) -> Guard {
        Guard { allowed: allowed.iter().filter_map(|net| net.parse().ok()).collect() }
    }

    #[test]
    fn every_way_to_write_a_private_address_is_refused() {
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://017700000001/",
            "http://10.0.0.8/",
            "http://169.254.169.254/latest/meta-data/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/",
            "http://224.0.0.1/",
            "http://0.0.0.0/",
            "ftp://example.org/",
            "file:///etc/passwd",
        ] {
            let parsed = Url::parse(url).expect("a test's own URL");
            assert!(guard(&[]).check_url(&parsed).is_err(), "{url} must be refused");
        }
        let public = Url::parse("http://93.184.216.34/").expect("a test's own URL");
        assert!(guard(&[]).check_url(&public).is_ok());
    }

    #[test]
    fn a_network_that_the_newsroom_names_is_allowed_and_nothing_else() {
        let guard = guard(&["127.0.0.0/8"]);
        assert!(guard.check("localhost", "127.0.0.1".parse().expect("ip")).is_ok());
        assert!(guard.check("localhost", "::ffff:127.0.0.1".parse().expect("ip")).is_ok());
        assert!(guard.check("nas", "192.168.1.1".parse().expect("ip")).is_err());
    }

    #[test]
    fn every_special_network_is_written_right() {
        for net in SPECIAL {
            assert!(net.parse::<IpNet>().is_ok(), "{net}");
        }
    }

    #[test]
    fn retry_after_comes_in_seconds_or_as_a_date() {
        let now = DateTime::parse_from_rfc2822("Tue, 24 Nov 2026 10:00:00 GMT").ok().map(|now| now.to_utc());
        assert_eq!(seconds(&HeaderValue::from_static("120"), None), Some(120));
        assert_eq!(seconds(&HeaderValue::from_static("Tue, 24 Nov 2026 10:01:00 GMT"), now), Some(60));
        assert_eq!(seconds(&HeaderValue::from_static("soon"), now), None);
    }
}
