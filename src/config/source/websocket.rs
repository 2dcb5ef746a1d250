//! A WebSocket that speaks JSON as it is written: what is sent to it, and what of it are rows; and
//! the same for the events of a Socket.IO server.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::IgnoredAny;

use super::SourceKind;
use crate::protocol::rows::{EventPickers, Picker};

/// Its options, for errors.
pub(super) const OPTIONS: &str = "subscribe, rows, key, table, whole, query, ping_s, silence_s, \
                                  tls_ca and tls_verify; what is meant for the server goes into \
                                  query=";
/// Seconds that an option may say; more is no use to anybody who watches.
const SECONDS: std::ops::RangeInclusive<f64> = 1.0..=86_400.0;

/// What a URL's parts mean.
pub(super) fn kind(
    path: &str,
    options: &mut BTreeMap<String, String>,
    subscribe: Vec<String>,
) -> Result<SourceKind, String> {
    for (index, text) in subscribe.iter().enumerate() {
        // By its place: what it says may be secret.
        serde_json::from_str::<IgnoredAny>(text).map_err(|error| {
            format!(
                "subscribe, entry {}: it is not JSON ({error}); write for example \
                 {{\"op\":\"subscribe\"}}",
                index + 1
            )
        })?;
    }
    let is_whole = match options.remove("whole").as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => return Err(format!("whole is true or false, not \"{other}\"")),
    };
    let (rows, key, table) = (
        options.remove("rows"),
        options.remove("key"),
        options.remove("table"),
    );
    let picker = Picker::new(rows.as_deref(), key.as_deref(), table.as_deref(), is_whole)
        .map_err(|error| error.to_string())?;
    let target = match options.remove("query") {
        None => path.to_owned(),
        Some(query) if is_query(&query) => format!("{path}?{query}"),
        Some(_) => {
            return Err(
                "query: it has blanks or other characters that no query has; write %20 for a blank"
                    .to_owned(),
            );
        }
    };
    let ping = match options.remove("ping_s").as_deref() {
        None => None,
        Some("0") => Some(None),
        Some(written) => Some(Some(seconds("ping_s", written)?)),
    };
    let silence = options.remove("silence_s");
    let silence = silence.map(|written| seconds("silence_s", &written));
    Ok(SourceKind::WebSocket {
        target,
        subscribe,
        picker: Box::new(picker),
        ping,
        silence: silence.transpose()?,
    })
}

/// Says which events of a Socket.IO server are listened to, and what of them are rows.
pub(super) fn listen(
    kind: &mut SourceKind,
    written: &BTreeMap<String, Vec<String>>,
) -> Result<(), String> {
    let list = |option: &str| written.get(option).map_or(&[][..], Vec::as_slice);
    if let SourceKind::SocketIo { events, .. } = kind {
        let (rows, keys, whole) = (list("rows"), list("key"), list("whole"));
        **events = EventPickers::parse(list("events"), rows, keys, whole)?;
    }
    Ok(())
}

/// Source: RFC 3986, section 3.4, with what browsers send as it is.
fn is_query(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'#' | b'<' | b'>' | b'`'))
}

fn seconds(option: &str, written: &str) -> Result<Duration, String> {
    let number = written.parse::<f64>().ok();
    match number.filter(|number| SECONDS.contains(number)) {
        Some(number) => Ok(Duration::from_secs_f64(number)),
        None => Err(format!(
            "{option} is a number of seconds from 1 to 86400, not \"{written}\"{}",
            match option {
                "ping_s" => "; 0 is for no pings",
                _ => "",
            }
        )),
    }
}
