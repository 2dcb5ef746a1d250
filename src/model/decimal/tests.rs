use proptest::prelude::*;

use super::*;

#[test]
fn a_plain_number_is_counted_in_units_of_its_scale() {
    for (text, scale, units) in [
        ("45285.2", 1, 452_852),
        ("0.00100000", 8, 100_000),
        ("1e-08", 8, 1),
        ("1E-8", 8, 1),
        ("1.5e3", 0, 1500),
        ("0e99999999999", 2, 0),
        ("8750.0000", 4, 87_500_000),
        ("1.500", 2, 150),
        ("100000000.00000000", 8, 10_000_000_000_000_000),
        ("12345678901234.12345678", 8, 1_234_567_890_123_412_345_678),
        ("5", 0, 5),
    ] {
        assert_eq!(parse(text.as_bytes(), scale), Ok(units), "{text}");
    }
}

#[test]
fn what_is_no_plain_number_is_refused() {
    for text in [
        "", ".", "1.", ".5", "-1", "+1", "1,5", "0x10", "NaN", "Infinity", " 1", "1 ", "1e", "1e+",
        "1_000", "\u{ff11}", "1.2.3", "1e5.0", "e5",
    ] {
        assert_eq!(
            parse(text.as_bytes(), 8),
            Err(DecimalError::NotANumber),
            "{text}"
        );
        assert_eq!(
            decimals(text.as_bytes()),
            Err(DecimalError::NotANumber),
            "{text}"
        );
    }
}

#[test]
fn too_fine_and_too_large_are_told_apart() {
    assert_eq!(parse(b"1.005", 2), Err(DecimalError::TooFine));
    assert_eq!(parse(b"1e-9", 8), Err(DecimalError::TooFine));
    assert_eq!(parse(b"1e-99999999999", 8), Err(DecimalError::TooFine));
    assert_eq!(parse(b"1e40", 0), Err(DecimalError::TooLarge));
    assert_eq!(parse(b"1e99999999999", 8), Err(DecimalError::TooLarge));
    assert_eq!(
        parse_i64(b"92233720368547758.08", 2),
        Err(DecimalError::TooLarge)
    );
    assert_eq!(parse_i64(b"92233720368547758.07", 2), Ok(i64::MAX));
}

#[test]
fn decimals_are_those_a_number_needs() {
    for (text, want) in [
        ("1", 0),
        ("1.50", 1),
        ("100", 0),
        ("1e-08", 8),
        ("0.000", 0),
        ("12.5e1", 0),
        ("0.00000304", 8),
    ] {
        assert_eq!(decimals(text.as_bytes()), Ok(want), "{text}");
    }
}

#[test]
fn a_number_is_printed_with_the_decimals_of_its_scale() {
    for (units, scale, text) in [
        (0, 0, "0"),
        (0, 3, "0.000"),
        (5, 3, "0.005"),
        (1234, 3, "1.234"),
        (-1234, 2, "-12.34"),
        (i128::MAX, 0, "170141183460469231731687303715884105727"),
        (12_470, 9, "0.000012470"),
    ] {
        assert_eq!(Decimal { units, scale }.to_string(), text);
    }
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(units in 0..i128::MAX, scale in 0..=MOST_DECIMALS) {
        let mut text = Vec::new();
        push(&mut text, units, scale);
        prop_assert_eq!(parse(&text, scale), Ok(units));
        prop_assert!(decimals(&text).is_ok_and(|needed| needed <= scale));
    }

    #[test]
    fn the_short_way_agrees_with_the_long_one(
        text in "[0-9]{0,12}(\\.[0-9]{0,9})?", scale in 0..12_u8,
    ) {
        let long = Parts::read(text.as_bytes()).and_then(|parts| parts.units(scale));
        prop_assert_eq!(parse(text.as_bytes(), scale), long);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..40), scale in any::<u8>()) {
        let _ = (parse(&bytes, scale), parse_i64(&bytes, scale), decimals(&bytes));
    }
}
