//! A WebSocket that speaks JSON as it is written: what is sent to it, and what of it are rows; and
//! the same for the events of a Socket.IO server.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::IgnoredAny;

use super::SourceKind;
use crate::protocol::rows::{EventPickers, Picker};

/// Its options, for errors.
pub(super) const OPTIONS: &str = "subscribe, rows, key, table, whole, query, ping_s, silence_s, \
                                  tls_ca, tls_verify and simulated; what is meant for the server goes into \
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::source::{SourceSpec, Tls};

    fn parsed(written: &str) -> SourceSpec {
        SourceSpec::parse(written).unwrap()
    }

    #[test]
    fn a_feed_is_read_as_it_is_written() {
        let spec = parsed(
            "feed=wss://lab/a/b?rows=$.data[*]&key={venue}/{symbol}&table=$.channel&whole=true\
             &subscribe={\"op\":1}&subscribe=[2]&query=streams=x@y&ping_s=0&silence_s=2.5",
        );
        let endpoint = spec.endpoint.as_ref().unwrap();
        assert_eq!((spec.name.as_str(), endpoint.port), ("feed", 443));
        assert_eq!(endpoint.tls, Tls::PublicRoots);
        assert_eq!(spec.to_string(), "wss://lab:443/a/b");
        let rows = ("$.data[*]", "{venue}/{symbol}", "$.channel");
        let picker = Picker::new(Some(rows.0), Some(rows.1), Some(rows.2), true).unwrap();
        let expected = SourceKind::WebSocket {
            target: "/a/b?streams=x@y".to_owned(),
            subscribe: vec!["{\"op\":1}".to_owned(), "[2]".to_owned()],
            picker: Box::new(picker),
            ping: Some(None),
            silence: Some(Duration::from_millis(2_500)),
        };
        assert_eq!(spec.kind, expected);

        let plain = parsed("ws://[::1]:8080");
        assert_eq!(
            (plain.name.as_str(), plain.to_string().as_str()),
            ("ws", "ws://[::1]:8080/")
        );
        let SourceKind::WebSocket {
            target,
            picker,
            ping,
            ..
        } = plain.kind
        else {
            panic!("not a WebSocket");
        };
        assert_eq!(
            (target.as_str(), *picker, ping),
            ("/", Picker::default(), None)
        );
    }

    #[test]
    fn events_of_a_server_are_listed_and_their_rows_picked() {
        let spec = parsed(
            "socketio://h?events=tick,log&events=a:b&rows=tick:$.data[*]&key=tick:s&whole=tick",
        );
        let SourceKind::SocketIo { events, .. } = &spec.kind else {
            panic!("not a Socket.IO source");
        };
        assert!(events.wants("a:b") && !events.wants("frame"));
        let tick = Picker::new(Some("$.data[*]"), Some("s"), None, true).unwrap();
        assert_eq!(events.of("tick"), &tick);
        assert_eq!(events.of("log"), &Picker::default());
    }

    #[test]
    fn a_wrong_feed_is_told_what_to_write() {
        for (written, part) in [
            ("ws://", "names no host"),
            (
                "ws://h?rows=data",
                "\"data\", character 1: a path begins with $",
            ),
            ("ws://h?key=a[*]", "character 3: * means several"),
            ("ws://h?table=$.a.*", "character 5"),
            ("ws://h?whole=maybe", "true or false"),
            (
                "ws://h?subscribe={}&subscribe=hunter2",
                "subscribe, entry 2: it is not JSON",
            ),
            ("ws://h?query=a b", "write %20"),
            (
                "ws://h?ping_s=0.5",
                "from 1 to 86400, not \"0.5\"; 0 is for no pings",
            ),
            ("ws://h?silence_s=0", "from 1 to 86400"),
            ("ws://h?silence_s=NaN", "from 1 to 86400"),
            ("ws://h?streams=x", "no option \"streams\" for ws://"),
            ("ws://h?streams=x", "for the server goes into query="),
            ("ws://h?rows=$.a&rows=$.b", "twice"),
            ("ws://h?tls_verify=false", "wss://"),
            ("ws://h?limit=X:0..1", "no option \"limit\""),
            ("socketio://h?rows=a:$.x&events=b", "events= leaves out"),
            ("socketio://h?events=,", "write events=NAME,NAME"),
            ("socketio://h?table=x", "no option \"table\""),
        ] {
            let error = SourceSpec::parse(written).unwrap_err().to_string();
            assert!(error.contains(part), "{written}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn the_file_says_the_same() {
        let text = r#"
            [sources.feed]
            url = "ws://h"
            subscribe = ['{"op":1}', '[2]']
            rows = "$.data[*]"
            key = "s"
            table = "prices"
            whole = true
            query = "a=b&c"
            ping_s = 5
            silence_s = 1.5

            [sources.fleet]
            url = "socketio://h"
            events = ["tick", "log"]
            rows = ["tick:$.data[*]", "$"]
            key = "tick:s"
        "#;
        let file = crate::config::FileConfig::parse(text, "c.toml".as_ref()).unwrap();
        let kinds: Vec<&SourceKind> = file.sources.iter().map(|spec| &spec.kind).collect();
        let same = parsed(
            "ws://h?subscribe={\"op\":1}&subscribe=[2]&rows=$.data[*]&key=s&table=prices&whole=true\
             &query=a%3Db%26c&ping_s=5&silence_s=1.5",
        );
        assert_eq!(kinds[0], &same.kind);
        let same = parsed("socketio://h?events=tick,log&rows=tick:$.data[*]&rows=$&key=tick:s");
        assert_eq!(kinds[1], &same.kind);
    }
}
