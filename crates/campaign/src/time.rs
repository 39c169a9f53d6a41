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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_shanghai() {
        let before: Timestamp = "2026-11-20T15:59:59Z".parse().expect("a time");
        let after: Timestamp = "2026-11-20T16:00:00Z".parse().expect("a time");
        assert_eq!(day_of(before) + 1, day_of(after));
    }
}
