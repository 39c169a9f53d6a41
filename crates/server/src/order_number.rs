//! The 28-digit order number that partners see, as another way to write our [`Id`]: gongyi's
//! `donate_transcode`, lakala's `trade_no`.

use huodong_campaign::{Id, SHANGHAI};
use jiff::Timestamp;
use jiff::civil::DateTime;

/// An [`Id`] counts milliseconds since 2020-01-01T00:00:00Z in its upper bits …
const EPOCH_MS: i64 = 1_577_836_800_000;
/// … and the numbers given out in one of them in this many lower ones.
const LOW_BITS: u32 = 20;
const LOW_MASK: i64 = (1 << LOW_BITS) - 1;
/// `yyyyMMddHHmmssSSS` in Shanghai, then the lower bits.
const TIME_DIGITS: usize = 17;
const DIGITS: usize = 28;

/// An order's number: 28 digits that begin with the Shanghai time at which it was placed, unique,
/// rising with time.
///
/// # Panics
/// When the number is negative; the sequence has none.
pub fn order_number(order: Id) -> String {
    assert!(order.0 >= 0, "the sequence starts at zero");
    let time = Timestamp::from_millisecond(EPOCH_MS + (order.0 >> LOW_BITS))
        .expect("43 bits of milliseconds end in 2298");
    let time = SHANGHAI.to_datetime(time);
    let mut digits = [b'0'; DIGITS];
    for (from, to, value) in [
        (0, 4, i64::from(time.year())),
        (4, 6, time.month().into()),
        (6, 8, time.day().into()),
        (8, 10, time.hour().into()),
        (10, 12, time.minute().into()),
        (12, 14, time.second().into()),
        (14, TIME_DIGITS, time.millisecond().into()),
        (TIME_DIGITS, DIGITS, order.0 & LOW_MASK),
    ] {
        write_decimal(&mut digits[from..to], value);
    }
    str::from_utf8(&digits).expect("digits are ASCII").to_owned()
}

/// The order such a number names; `None` for what no order could be called.
pub fn parse_order_number(text: &str) -> Option<Id> {
    let digits = text.as_bytes();
    if digits.len() != DIGITS || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |from: usize, to: usize| {
        digits[from..to].iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'))
    };
    let small = |from, to| i8::try_from(number(from, to)).ok();
    let time = DateTime::new(
        i16::try_from(number(0, 4)).ok()?,
        small(4, 6)?,
        small(6, 8)?,
        small(8, 10)?,
        small(10, 12)?,
        small(12, 14)?,
        i32::try_from(number(14, TIME_DIGITS) * 1_000_000).ok()?,
    )
    .ok()?;
    let low = number(TIME_DIGITS, DIGITS);
    let high = SHANGHAI.to_timestamp(time).ok()?.as_millisecond() - EPOCH_MS;
    let fits = (0..=i64::MAX >> LOW_BITS).contains(&high) && low <= LOW_MASK;
    fits.then_some(Id((high << LOW_BITS) + low))
}

fn write_decimal(digits: &mut [u8], mut value: i64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).expect("a digit");
        value /= 10;
    }
    debug_assert_eq!(value, 0, "the number fits its place");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_begins_with_the_time_in_shanghai() {
        let at: Timestamp = "2026-11-21T02:03:04.567Z".parse().expect("a time");
        let id = Id(((at.as_millisecond() - EPOCH_MS) << LOW_BITS) + 89);
        assert_eq!(order_number(id), "2026112110030456700000000089");
    }

    #[test]
    fn what_no_order_could_be_called_is_no_order() {
        for garbage in [
            "",
            "donate_12345",
            "202611211003045670000000008",
            "20261121100304567000000000890",
            "2026112110030456700001048576",
            "2026132110030456700000000089",
            "2026023010030456700000000089",
            "2026112124030456700000000089",
            "2026112110030460000000000089 ",
            "2026112110036056700000000089",
            "2019010110030456700000000089",
            "9999112110030456700000000089",
            "２02611211003045670000000089",
            "-026112110030456700000000089",
        ] {
            assert_eq!(parse_order_number(garbage), None, "{garbage}");
        }
    }

    proptest! {
        #[test]
        fn it_is_another_way_to_write_the_number(number in 0..=i64::MAX) {
            let text = order_number(Id(number));
            prop_assert_eq!(text.len(), DIGITS);
            prop_assert_eq!(parse_order_number(&text), Some(Id(number)));
        }

        #[test]
        fn it_rises_with_the_number(one in 0..=i64::MAX, other in 0..=i64::MAX) {
            let text = (order_number(Id(one)), order_number(Id(other)));
            prop_assert_eq!(text.0.cmp(&text.1), one.cmp(&other));
        }

        #[test]
        fn parsing_never_panics_and_is_exact(text in "[0-9]{28}") {
            if let Some(id) = parse_order_number(&text) {
                prop_assert_eq!(order_number(id), text);
            }
        }
    }
}
