//! The end of a file whose disk took no more: as few bytes as an end can have, so that they fit
//! where the torn chunk was cut away.

use super::session::{ACCOUNT, Account};

/// The books and the end of a file without an index. Put behind the last whole chunk they make it
/// a finished file that says why it lacks something.
///
/// Source: MCAP specification, "Metadata", "Data End", "Footer" and "Magic"; checksums of 0 stand
/// for "not computed", a summary at 0 for "none".
pub fn last_words(account: &Account) -> Vec<u8> {
    let mut entries = Vec::new();
    for (key, value) in account.to_map() {
        put_text(&mut entries, &key);
        put_text(&mut entries, &value);
    }
    let mut books = Vec::new();
    put_text(&mut books, ACCOUNT);
    put_len(&mut books, entries.len());
    books.extend(entries);

    let mut out = Vec::new();
    put_record(&mut out, 0x0c, &books);
    put_record(&mut out, 0x0f, &[0; 4]);
    put_record(&mut out, 0x02, &[0; 20]);
    out.extend(mcap::MAGIC);
    out
}

fn put_record(out: &mut Vec<u8>, opcode: u8, content: &[u8]) {
    out.push(opcode);
    out.extend((content.len() as u64).to_le_bytes());
    out.extend(content);
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_len(out, text.len());
    out.extend(text.as_bytes());
}

/// Texts here are some kilobytes; one that did not fit its length would make a record that readers
/// refuse, not one that they misread.
fn put_len(out: &mut Vec<u8>, len: usize) {
    out.extend(u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
}
