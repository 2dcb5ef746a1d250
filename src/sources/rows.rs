//! Rows on their way out of a generic feed, and one word about what could not be taken.

use crate::model::{Fault, FaultKind, Payload, PlainText, Severity, Stamp};
use crate::pipeline::Outlet;
use crate::protocol::rows::{MOST_CELLS, MOST_COLUMNS, MOST_ROWS, PassedOver, Picked};

/// Messages in which an expression finds nothing before that is worth a word: the first ones often
/// answer a subscription.
const PATIENCE: u32 = 20;

/// Publishes what was picked. Each kind of trouble is told once until [`RowsOut::begin`]: a feed
/// repeats itself many times a second, and every message is kept whole beside its rows.
#[derive(Debug, Default)]
pub struct RowsOut {
    told: PassedOver,
    fruitless: u32,
}

impl RowsOut {
    /// A new connection: everything is told anew.
    pub fn begin(&mut self) {
        *self = Self::default();
    }

    /// Publishes the rows of a message.
    ///
    /// - `what`: the message, for sentences, e.g. `message` or the name of an event
    /// - `is_asked`: whether an expression of the operator's picked them
    pub async fn publish(
        &mut self,
        outlet: &Outlet,
        received: Stamp,
        picked: Picked,
        what: &str,
        is_asked: bool,
    ) {
        for (kind, text) in self.trouble(&picked, what, is_asked) {
            let fault = Fault::new(kind, Severity::Warning, text);
            outlet.publish(received, Payload::Fault(fault)).await;
        }
        if let Some(rows) = picked.rows {
            let rows = Payload::Rows(std::sync::Arc::new(rows));
            outlet.publish(received, rows).await;
        }
    }

    /// What has to be said about this message and was not said before.
    fn trouble(&mut self, picked: &Picked, what: &str, is_asked: bool) -> Vec<(FaultKind, String)> {
        use FaultKind::{Local, Malformed, TooLarge};
        let what = PlainText::from_peer_head(what, 64);
        let mut texts = Vec::new();
        let now = picked.passed_over;
        let mut say = |kind, told: &mut u64, now: u64, words: String| {
            if *told == 0 && now > 0 {
                texts.push((kind, words));
            }
            *told = told.saturating_add(now);
        };
        say(
            TooLarge,
            &mut self.told.rows,
            now.rows,
            format!(
                "{what}: {} rows more than a table takes from one message ({MOST_ROWS} rows, \
                 {MOST_CELLS} cells) are not in it: pick fewer with rows=",
                now.rows
            ),
        );
        say(
            TooLarge,
            &mut self.told.cells,
            now.cells,
            format!(
                "{what}: {} cells over {MOST_COLUMNS} to a row are not in the table: pick something \
                 nearer to the values with rows=",
                now.cells
            ),
        );
        say(
            Malformed,
            &mut self.told.without_key,
            now.without_key,
            format!(
                "{what}: {} rows are not in the table: what key= names is not in them",
                now.without_key
            ),
        );
        say(
            Malformed,
            &mut self.told.unreadable,
            now.unreadable,
            format!(
                "{what}: {} values are not in the table: a name in them is no text (half a \
                 surrogate pair)",
                now.unreadable
            ),
        );
        if !is_asked {
            return texts;
        }
        if picked.rows.is_some() {
            // Found once, the expression is right.
            self.fruitless = u32::MAX;
        } else if self.fruitless < PATIENCE {
            self.fruitless += 1;
            if self.fruitless == PATIENCE {
                let words = format!(
                    "{what}: rows= has found nothing in the first {PATIENCE} messages: compare it \
                     with the newest one under \"events\" on the scope screen"
                );
                texts.push((Local, words));
            }
        }
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::rows::Picker;

    fn texts(out: &mut RowsOut, picker: &Picker, message: &str) -> Vec<String> {
        let picked = picker.pick(message.as_bytes(), "t").unwrap();
        let told = out.trouble(&picked, "t", picker.has_path());
        told.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn trouble_is_told_once_for_each_connection() {
        let picker = Picker::new(Some("$[*]"), Some("a"), None, false).unwrap();
        let mut out = RowsOut::default();
        let message = r#"[{"a":1},{"b":1}]"#;
        let first = texts(&mut out, &picker, message);
        assert_eq!(first.len(), 1);
        assert!(first[0].contains("1 rows are not in the table: what key= names"));
        assert!(texts(&mut out, &picker, message).is_empty());
        out.begin();
        assert_eq!(texts(&mut out, &picker, message), first);
    }

    #[test]
    fn an_expression_that_never_finds_anything_is_worth_a_word() {
        let picker = Picker::new(Some("$.data[*]"), None, None, false).unwrap();
        let mut out = RowsOut::default();
        let told: Vec<String> = (0..50)
            .flat_map(|_| texts(&mut out, &picker, r#"{"ok":true}"#))
            .collect();
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("found nothing in the first 20 messages"));

        let mut out = RowsOut::default();
        assert!(texts(&mut out, &picker, r#"{"data":[{"id":1}]}"#).is_empty());
        for _ in 0..50 {
            assert!(texts(&mut out, &picker, r#"{"ok":true}"#).is_empty());
        }
        let mut out = RowsOut::default();
        for _ in 0..50 {
            assert!(texts(&mut out, &Picker::default(), "1").is_empty());
        }
    }
}
