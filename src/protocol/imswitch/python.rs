//! Python's notation for tuples and lists of plain values, as it leaks into some signals.

/// The items of `('Laser', "Bob's", 3)` or `[0, 0, 400]` as text, strings without their quotes.
/// `None` if it is not one flat sequence.
pub(super) fn sequence(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    let inner = text
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
        .or_else(|| {
            text.strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
        })?;
    let mut items = Vec::new();
    let mut rest = inner.trim_start();
    while !rest.is_empty() {
        let (item, after) = match rest.strip_prefix(['\'', '"']) {
            Some(body) => quoted(body, if rest.starts_with('"') { '"' } else { '\'' })?,
            None => bare(rest)?,
        };
        items.push(item);
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if after.is_empty() => after,
            None => return None,
        };
    }
    Some(items)
}

/// A string up to its closing quote, and what follows.
fn quoted(body: &str, quote: char) -> Option<(String, &str)> {
    let mut item = String::new();
    let mut chars = body.chars();
    loop {
        match chars.next()? {
            c if c == quote => return Some((item, chars.as_str())),
            '\\' => item.push(escape(&mut chars)?),
            c => item.push(c),
        }
    }
}

/// Source: The Python Language Reference, 2.4.1.1 "Escape sequences"; `repr` writes these.
fn escape(chars: &mut std::str::Chars<'_>) -> Option<char> {
    match chars.next()? {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'x' => code(chars, 2),
        'u' => code(chars, 4),
        'U' => code(chars, 8),
        same @ ('\\' | '\'' | '"') => Some(same),
        _ => None,
    }
}

fn code(chars: &mut std::str::Chars<'_>, digits: u32) -> Option<char> {
    let mut code = 0_u32;
    for _ in 0..digits {
        code = code
            .checked_mul(16)?
            .checked_add(chars.next()?.to_digit(16)?)?;
    }
    char::from_u32(code)
}

/// A number, `None` or `True`, up to the next comma.
fn bare(rest: &str) -> Option<(String, &str)> {
    let (item, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
    let item = item.trim_end();
    let plain = !item.is_empty() && !item.contains(['(', '[', '{', '\'', '"', ')', ']', '}']);
    plain.then(|| (item.to_owned(), after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tuples_are_read_as_python_writes_them() {
        let cases: [(&str, Option<&[&str]>); 14] = [
            (
                "('Laser', 'LED', 'Value')",
                Some(&["Laser", "LED", "Value"]),
            ),
            (r#"('a', "Bob's cam")"#, Some(&["a", "Bob's cam"])),
            (r#"('both \' and "',)"#, Some(&[r#"both ' and ""#])),
            ("('a, b', 'c)')", Some(&["a, b", "c)"])),
            (r"('\\', '\x41\u00b5\U0001d11e')", Some(&["\\", "Aµ𝄞"])),
            ("[0, 0, 400, 300]", Some(&["0", "0", "400", "300"])),
            ("()", Some(&[])),
            ("('Laser', None, 3.5)", Some(&["Laser", "None", "3.5"])),
            ("('Laser', ('a', 'b'))", None),
            ("('open", None),
            ("('a' 'b')", None),
            ("(,)", None),
            ("Laser", None),
            ("", None),
        ];
        for (text, items) in cases {
            let read = sequence(text);
            assert_eq!(
                read.as_ref()
                    .map(|items| items.iter().map(String::as_str).collect::<Vec<_>>()),
                items.map(<[&str]>::to_vec),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[(\\['\"\\\\,a-cxuU0-9 )\\]]{0,40}") {
            let _ = sequence(&text);
        }
    }
}
