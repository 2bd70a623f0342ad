//! WebSub (W3C Recommendation): what a hub's requests, verifications and deliveries say. No network and no database here.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;
use thiserror::Error;
use url::Url;

use crate::store::Mode;

/// Bytes of a callback's address: a database finds subscriptions by it, and indexes no more than some 2,700.
const MAX_CALLBACK: usize = 2048;

/// Secrets are shorter than this (section 5.1).
const MAX_SECRET: usize = 200;

/// A hash of `X-Hub-Signature` (WebSub section 7.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// For subscribers that know nothing newer.
    Sha1,
    /// The default.
    #[default]
    Sha256,
    /// Longer.
    Sha384,
    /// Longest.
    Sha512,
}

/// A request to a hub (section 5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// To get a topic's changes, or to get them no more.
    Subscription {
        /// Which of the two.
        mode: Mode,
        /// Where to; opaque.
        callback: String,
        /// What.
        topic: String,
        /// For how many seconds, if the subscriber says.
        lease: Option<u64>,
        /// For signatures.
        secret: Option<String>,
    },
    /// That topics may have changed.
    Publish {
        /// Which.
        topics: Vec<String>,
    },
}

/// What is wrong with a request, for the one who made it.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BadRequest {
    /// Not a form, or not a field where one must be.
    #[error("hub.{0} is missing")]
    Missing(&'static str),
    /// An unknown mode.
    #[error("hub.mode is `{0}`; this hub knows subscribe, unsubscribe and publish")]
    Mode(String),
    /// A callback that can't be called.
    #[error("hub.callback must be an http or https address of at most {MAX_CALLBACK} bytes, without a #fragment")]
    Callback,
    /// A secret that is too long, or can't be stored.
    #[error("hub.secret must be shorter than {MAX_SECRET} bytes, without NUL")]
    Secret,
    /// A lease that is no number.
    #[error("hub.lease_seconds is not a whole number of seconds")]
    Lease,
}

impl Request {
    /// Reads a form. Parameters that WebSub does not know are ignored.
    pub fn read(form: &[u8]) -> Result<Self, BadRequest> {
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(form).into_owned().collect();
        let first = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let filled = |name: &str| first(name).filter(|value| !value.is_empty());
        let mode = filled("hub.mode").ok_or(BadRequest::Missing("mode"))?;
        if mode == "publish" {
            let named = |name: &str| name == "hub.url" || name == "hub.topic" || name == "hub.url[]";
            let topics: Vec<String> =
                fields.iter().filter(|(name, _)| named(name)).map(|(_, value)| value.clone()).collect();
            return if topics.is_empty() { Err(BadRequest::Missing("url")) } else { Ok(Request::Publish { topics }) };
        }
        let mode = match mode {
            "subscribe" => Mode::Subscribe,
            "unsubscribe" => Mode::Unsubscribe,
            other => return Err(BadRequest::Mode(other.to_owned())),
        };
        let callback = filled("hub.callback").ok_or(BadRequest::Missing("callback"))?.to_owned();
        let is_web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host() && url.fragment().is_none();
        if callback.len() > MAX_CALLBACK
            || callback.contains('\0')
            || !Url::parse(&callback).is_ok_and(|url| is_web(&url))
        {
            return Err(BadRequest::Callback);
        }
        let topic = filled("hub.topic").ok_or(BadRequest::Missing("topic"))?.to_owned();
        let secret = filled("hub.secret").map(str::to_owned);
        if secret.as_ref().is_some_and(|secret| secret.len() >= MAX_SECRET || secret.contains('\0')) {
            return Err(BadRequest::Secret);
        }
        // Who unsubscribes has no lease to ask for: what stands there is ignored (section 5.1).
        let lease = filled("hub.lease_seconds").filter(|_| mode == Mode::Subscribe);
        let lease = lease.map(|lease| lease.trim().parse::<u64>().map_err(|_| BadRequest::Lease));
        Ok(Request::Subscription { mode, callback, topic, lease: lease.transpose()?, secret })
    }
}

/// The address at which a callback is asked or told something: its own, with parameters appended and nothing else changed.
pub fn asked(callback: &str, parameters: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let joint = match callback.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, own)) if own.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{callback}{joint}{query}")
}

/// `X-Hub-Signature` (section 7.1): the body's HMAC by the subscriber's secret.
pub fn signature(algorithm: Algorithm, secret: &str, body: &[u8]) -> String {
    fn hex<M: Mac + KeyInit>(secret: &str, body: &[u8]) -> String {
        // HMAC takes keys of any length.
        let Ok(mut mac) = <M as KeyInit>::new_from_slice(secret.as_bytes()) else { return String::new() };
        mac.update(body);
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
    match algorithm {
        Algorithm::Sha1 => format!("sha1={}", hex::<Hmac<Sha1>>(secret, body)),
        Algorithm::Sha256 => format!("sha256={}", hex::<Hmac<Sha256>>(secret, body)),
        Algorithm::Sha384 => format!("sha384={}", hex::<Hmac<Sha384>>(secret, body)),
        Algorithm::Sha512 => format!("sha512={}", hex::<Hmac<Sha512>>(secret, body)),
    }
}

/// Whether a body has the signature that the secret gives it. Compared in constant time.
pub fn is_signed(given: &str, secret: &str, body: &[u8]) -> bool {
    let algorithm = match given.split_once('=').map(|(name, _)| name) {
        Some("sha1") => Algorithm::Sha1,
        Some("sha256") => Algorithm::Sha256,
        Some("sha384") => Algorithm::Sha384,
        Some("sha512") => Algorithm::Sha512,
        _ => return false,
    };
    signature(algorithm, secret, body).as_bytes().ct_eq(given.to_ascii_lowercase().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_subscription_is_read_and_strange_fields_are_ignored() {
        let form = b"hub.mode=subscribe&hub.callback=https%3A%2F%2Fr.example%2Fcb%3Fa%3D1&hub.topic=https://f.example/feeds/a.rss&hub.lease_seconds=60&hub.secret=s&hub.verify=sync&x=y";
        let expected = Request::Subscription {
            mode: Mode::Subscribe,
            callback: "https://r.example/cb?a=1".to_owned(),
            topic: "https://f.example/feeds/a.rss".to_owned(),
            lease: Some(60),
            secret: Some("s".to_owned()),
        };
        assert_eq!(Request::read(form), Ok(expected));
        assert_eq!(
            Request::read(b"hub.mode=publish&hub.url=a&hub.url=b"),
            Ok(Request::Publish { topics: vec!["a".into(), "b".into()] })
        );
    }

    #[test]
    fn what_is_malformed_is_told() {
        for (form, told) in [
            (&b""[..], BadRequest::Missing("mode")),
            (b"hub.mode=dance", BadRequest::Mode("dance".to_owned())),
            (b"hub.mode=subscribe&hub.topic=t", BadRequest::Missing("callback")),
            (b"hub.mode=subscribe&hub.callback=ftp://x/&hub.topic=t", BadRequest::Callback),
            (b"hub.mode=subscribe&hub.callback=http://x/", BadRequest::Missing("topic")),
            (b"hub.mode=subscribe&hub.callback=http://x/&hub.topic=t&hub.lease_seconds=-1", BadRequest::Lease),
        ] {
            assert_eq!(Request::read(form), Err(told));
        }
        let long = format!("hub.mode=subscribe&hub.callback=http://x/&hub.topic=t&hub.secret={}", "s".repeat(200));
        assert_eq!(Request::read(long.as_bytes()), Err(BadRequest::Secret));
    }

    #[test]
    fn a_callback_is_opaque() {
        let parameters = [("hub.mode", "subscribe")];
        for (callback, at) in [
            ("http://r.example/cb", "http://r.example/cb?hub.mode=subscribe"),
            ("http://r.example/cb?", "http://r.example/cb?hub.mode=subscribe"),
            ("http://r.example/cb?a=%2F&hub.mode=x", "http://r.example/cb?a=%2F&hub.mode=x&hub.mode=subscribe"),
            ("http://r.example/https%3A%2F%2Fx%2F?&", "http://r.example/https%3A%2F%2Fx%2F?&hub.mode=subscribe"),
        ] {
            assert_eq!(asked(callback, &parameters), at);
        }
    }

    #[test]
    fn signatures_are_those_of_rfc_4231_and_2202() {
        let sign = |algorithm| signature(algorithm, "Jefe", b"what do ya want for nothing?");
        assert_eq!(sign(Algorithm::Sha256), "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert_eq!(sign(Algorithm::Sha1), "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert!(
            sign(Algorithm::Sha384).starts_with("sha384=af45d2e3")
                && sign(Algorithm::Sha512).starts_with("sha512=164b7a7b")
        );
    }

    #[test]
    fn a_forged_signature_is_none() {
        let right = signature(Algorithm::Sha512, "secret", b"body");
        assert!(is_signed(&right, "secret", b"body"));
        assert!(!is_signed(&right, "secret", b"bodY") && !is_signed(&right, "other", b"body"));
        assert!(
            !is_signed("", "secret", b"body")
                && !is_signed("md5=00", "secret", b"body")
                && !is_signed("sha1=", "secret", b"body")
        );
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(form in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Request::read(&form);
        }
    }
}
