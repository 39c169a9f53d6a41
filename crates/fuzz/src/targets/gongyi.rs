use huodong_wire::gongyi::sign::nonce_is_well_formed;
use huodong_wire::gongyi::{
    CheckIsTransExist, CheckXhh, DecodeError, GetActivityInfo, PreTry, QueryUserXhh,
    RewardDonateQuery, RewardToDonate, decode, parse_wall_time,
};

use super::read_again;

pub(super) const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "null",
    "true",
    "0",
    "-1",
    "4294967296",
    "1e9",
    "\\u0000",
    "\\ud800",
    "花",
    "\"project_no\":",
    "\"activity_no\":",
    "\"third_uid\":",
    "\"reward\":",
    "\"reward_transcode\":",
    "\"reward_time\":",
    "\"money\":",
    "\"bid\":",
    "\"donate_transcode\":",
    "\"open_id\":",
    "\"trans_code\":",
    "\"xhh_num\":",
    "\"trans_date\":",
    "\"time_start\":",
    "\"time_expire\":",
    "\"business_info\":",
    "\"2025-08-01 12:00:00\"",
];

/// A body, read as each call's.
pub fn gongyi(body: &[u8]) {
    read_again!(body, |body| decode::<GetActivityInfo<'_>>(body));
    read_again!(body, |body| decode::<RewardToDonate<'_>>(body));
    read_again!(body, |body| decode::<RewardDonateQuery<'_>>(body));
    read_again!(body, |body| decode::<CheckXhh<'_>>(body));
    read_again!(body, |body| decode::<PreTry<'_>>(body));
    read_again!(body, |body| decode::<CheckIsTransExist<'_>>(body));
    read_again!(body, |body| decode::<QueryUserXhh<'_>>(body));
    if let Ok(text) = std::str::from_utf8(body) {
        _ = nonce_is_well_formed(text);
        _ = parse_wall_time(text);
    }
}
