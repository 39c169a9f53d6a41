use jiff::Timestamp;
use jiff::tz::Offset;

/// Asia/Shanghai: +08:00 all year, since 1991.
pub const SHANGHAI: Offset = Offset::constant(8);

const DAY_S: i64 = 86_400;

/// The Shanghai calendar day as days since 1970-01-01: what "per day" limits count by.
pub fn day_of(time: Timestamp) -> i32 {
    let local = time.as_second() + i64::from(SHANGHAI.seconds());
    i32::try_from(local.div_euclid(DAY_S)).expect("jiff's years end at 9999")
}

/// When a day begins; see [`day_of`].
pub(crate) fn day_begins(day: i32) -> Timestamp {
    let local = i64::from(day) * DAY_S;
    let begins = Timestamp::from_second(local - i64::from(SHANGHAI.seconds()));
    begins.unwrap_or(if day < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_shanghai() {
        let before: Timestamp = "2026-11-20T15:59:59Z".parse().expect("a time");
        let after: Timestamp = "2026-11-20T16:00:00Z".parse().expect("a time");
        assert_eq!(day_of(before) + 1, day_of(after));
        assert_eq!(day_begins(day_of(after)), after);
        assert_eq!((day_begins(i32::MIN), day_begins(i32::MAX)), (Timestamp::MIN, Timestamp::MAX));
    }
}
