//! Values of the newsroom's files: parsed once into types that can be trusted. Errors carry the place of the value.

use std::time::Duration;

use serde::Deserialize;

use crate::article::language::{is_language_tag, not_a_tag};

pub(super) use crate::source::WebAddress;

/// A BCP 47 language tag.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Language(pub(super) String);

impl TryFrom<String> for Language {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if is_language_tag(&text) { Ok(Self(text)) } else { Err(not_a_tag(&text)) }
    }
}

/// An IANA time zone.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Zone(pub(super) chrono_tz::Tz);

impl TryFrom<String> for Zone {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| format!("`{text}` is not a time zone such as Asia/Karachi or Europe/London"))
    }
}

/// A stretch of time, as systemd writes it: `90s`, `15m`, `6h`, `10d`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Stretch(pub(super) Duration);

impl TryFrom<String> for Stretch {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bad = || format!("`{text}` is not a stretch of time such as 90s, 15m, 6h or 10d");
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let number: u64 = digits.trim().parse().map_err(|_| bad())?;
        let unit = match &text[digits.len()..] {
            "s" => 1,
            "m" | "min" => 60,
            "h" => 3600,
            "d" => 86_400,
            "w" => 604_800,
            _ => return Err(bad()),
        };
        let seconds = number.checked_mul(unit).filter(|seconds| *seconds <= 366 * 86_400).ok_or_else(bad)?;
        Ok(Self(Duration::from_secs(seconds)))
    }
}

/// A network in CIDR form.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Network(pub(super) ipnet::IpNet);

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let address = || text.parse::<std::net::IpAddr>().map(ipnet::IpNet::from);
        text.parse()
            .or_else(|_| address())
            .map(Self)
            .map_err(|_| format!("`{text}` is not a network such as 127.0.0.0/8 or fd00::/8"))
    }
}

/// A secret that can't be guessed.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Secret(pub(super) String);

impl TryFrom<String> for Secret {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.len() >= 32 { Ok(Self(text)) } else { Err("a webhook key needs at least 32 characters".to_owned()) }
    }
}
