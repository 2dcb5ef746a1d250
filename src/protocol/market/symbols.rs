//! Which book a symbol on the wire belongs to, found without an allocation.

/// Symbols and the places of their books.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    /// Sorted; the case of letters does not matter.
    names: Vec<(Box<str>, usize)>,
}

impl Symbols {
    /// The symbols of books 0, 1, 2 ... in this order.
    pub fn new<'a>(symbols: impl IntoIterator<Item = &'a str>) -> Self {
        let mut names: Vec<(Box<str>, usize)> = symbols
            .into_iter()
            .enumerate()
            .map(|(place, symbol)| (symbol.into(), place))
            .collect();
        names.sort_by(|a, b| folded(a.0.as_bytes()).cmp(folded(b.0.as_bytes())));
        Self { names }
    }

    /// The place of the book of `symbol`, in letters of any case.
    pub fn find(&self, symbol: &[u8]) -> Option<usize> {
        let order = |name: &(Box<str>, usize)| folded(name.0.as_bytes()).cmp(folded(symbol));
        let at = self.names.binary_search_by(order).ok()?;
        self.names.get(at).map(|name| name.1)
    }
}

fn folded(text: &[u8]) -> impl Iterator<Item = u8> {
    text.iter().map(u8::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_found_in_any_case() {
        let symbols = Symbols::new(["ETHUSDT", "BTCUSDT", "BTCUSD"]);
        assert_eq!(symbols.find(b"btcusdt"), Some(1));
        assert_eq!(symbols.find(b"ETHUSDT"), Some(0));
        assert_eq!(symbols.find(b"BTCUSD"), Some(2));
        assert_eq!(symbols.find(b"BTC"), None);
        assert_eq!(symbols.find(b""), None);
    }
}
