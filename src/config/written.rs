//! The tables of the file, word for word. What they mean is said in `file`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

use super::black_box::WrittenBlackBox;
use super::control::OnExit;
use super::file::OnTerminalLoss;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Written {
    pub theme: Option<Spanned<String>>,
    pub graphics: Option<Spanned<String>>,
    pub log: WrittenLog,
    pub mouse: Option<bool>,
    pub record: WrittenRecord,
    pub snapshot: WrittenSnapshot,
    pub control: WrittenControl,
    pub metrics: WrittenMetrics,
    pub black_box: WrittenBlackBox,
    pub keys: BTreeMap<Spanned<String>, Spanned<WrittenKeys>>,
    pub sources: BTreeMap<Spanned<String>, Spanned<WrittenSource>>,
}

/// One key, or a list of them.
#[derive(Debug)]
pub(super) struct WrittenKeys(pub Vec<String>);

impl<'de> Deserialize<'de> for WrittenKeys {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(KeysVisitor).map(Self)
    }
}

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key such as \"f\", or a list of keys such as [\"f\", \"F5\"]")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Vec<String>, E> {
        Ok(vec![key.to_owned()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
        let mut keys = Vec::new();
        while let Some(key) = list.next_element()? {
            keys.push(key);
        }
        match keys.is_empty() {
            true => Err(de::Error::custom(
                "an empty list names no key; write \"none\" to leave the action without one",
            )),
            false => Ok(keys),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenRecord {
    pub dir: Option<Spanned<PathBuf>>,
    pub name: Option<String>,
    pub at_start: bool,
    pub on_terminal_loss: OnTerminalLoss,
    pub keep_days: Option<Spanned<u32>>,
    pub keep_total: Option<Spanned<String>>,
    pub rotate_every: Option<Spanned<String>>,
    pub rotate_size: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenMetrics {
    pub listen: Option<Spanned<String>>,
    pub allow_remote: bool,
}

/// `log = "info"`, or the table `[log]`.
#[derive(Debug, Default)]
pub(super) struct WrittenLog {
    pub filter: Option<String>,
    pub to: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenLogTable {
    filter: Option<String>,
    to: Option<Spanned<String>>,
}

impl<'de> Deserialize<'de> for WrittenLog {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(LogVisitor)
    }
}

struct LogVisitor;

impl<'de> Visitor<'de> for LogVisitor {
    type Value = WrittenLog;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a filter such as \"info\", or a table with filter and to")
    }

    fn visit_str<E: de::Error>(self, filter: &str) -> Result<WrittenLog, E> {
        Ok(WrittenLog {
            filter: Some(filter.to_owned()),
            to: None,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WrittenLog, A::Error> {
        let table = WrittenLogTable::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(WrittenLog {
            filter: table.filter,
            to: table.to,
        })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenSnapshot {
    pub dir: Option<Spanned<PathBuf>>,
    pub format: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenControl {
    pub at_start: bool,
    pub audit: Option<Spanned<PathBuf>>,
    pub on_exit: OnExit,
    pub operator: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenSource {
    pub url: Spanned<String>,
    pub tls_ca: Option<PathBuf>,
    pub tls_verify: Option<bool>,
    pub simulated: Option<bool>,
    pub namespace: Option<String>,
    pub auth_env: Option<String>,
    pub engineio: Option<u8>,
    pub transport: Option<String>,
    #[serde(default)]
    pub emit: Vec<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub limits: BTreeMap<Spanned<String>, Spanned<Vec<f64>>>,
    pub measure: Option<bool>,
    /// What is measured of each camera.
    #[serde(default)]
    pub roi: BTreeMap<Spanned<String>, Spanned<Vec<u32>>>,
    pub profile: Option<String>,
    #[serde(default)]
    pub codes: BTreeMap<Spanned<String>, Spanned<WrittenCode>>,
    pub live_port: Option<u16>,
    #[serde(default)]
    pub symbols: Vec<String>,
    pub endpoint: Option<String>,
    pub rest: Option<String>,
    pub depth: Option<u16>,
    pub poll_ms: Option<u64>,
    pub channel: Option<String>,
    pub key_env: Option<String>,
    pub fresh_s: Option<u64>,
    pub snapshot_s: Option<u64>,
    #[serde(default)]
    pub subscribe: WrittenTexts,
    #[serde(default)]
    pub events: WrittenTexts,
    #[serde(default)]
    pub rows: WrittenTexts,
    #[serde(default)]
    pub key: WrittenTexts,
    #[serde(default)]
    pub whole: WrittenTexts,
    pub table: Option<String>,
    pub query: Option<String>,
    pub ping_s: Option<WrittenCode>,
    pub silence_s: Option<WrittenCode>,
    pub probe_s: Option<u32>,
    pub format: Option<String>,
    pub size: Option<String>,
    pub rate: Option<WrittenCode>,
    pub backend: Option<String>,
    pub pixel_size_um: Option<WrittenCode>,
    /// What a fleet's server calls its events.
    #[serde(default)]
    pub event_names: BTreeMap<Spanned<String>, String>,
    /// What a fleet's server calls its keys.
    #[serde(default)]
    pub key_names: BTreeMap<Spanned<String>, String>,
}

/// One text, a list of them, or a plain `true`.
#[derive(Debug, Default)]
pub(super) struct WrittenTexts(pub Vec<String>);

impl<'de> Deserialize<'de> for WrittenTexts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(TextsVisitor).map(Self)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text in quotes, or a list of them")
    }

    fn visit_bool<E: de::Error>(self, word: bool) -> Result<Vec<String>, E> {
        Ok(vec![word.to_string()])
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(vec![text.to_owned()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element()? {
            texts.push(text);
        }
        Ok(texts)
    }
}

/// A code: a number, or a word such as `none` or `30000/1001`.
#[derive(Debug)]
pub(super) struct WrittenCode(pub String);

impl<'de> Deserialize<'de> for WrittenCode {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(CodeVisitor).map(Self)
    }
}

struct CodeVisitor;

impl Visitor<'_> for CodeVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a code such as 4136 or 0x1028, or \"none\"")
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_i64<E: de::Error>(self, code: i64) -> Result<String, E> {
        Ok(code.to_string())
    }

    fn visit_u64<E: de::Error>(self, code: u64) -> Result<String, E> {
        Ok(code.to_string())
    }

    fn visit_str<E: de::Error>(self, code: &str) -> Result<String, E> {
        Ok(code.to_owned())
    }
}
