//! What is true: activities, orders, limits and the ledger.
//!
//! Everything here is a pure function of a [`World`] (the rows one batch works on), a command and
//! the time and ids the world carries. There is no I/O, no clock and no randomness, so every rule
//! is tested without a database and simulated from a seed.

mod account;
mod activity;
mod application;
mod archive;
mod audit;
mod callback;
mod command;
mod consult;
mod coupon;
mod donation;
mod enrolment;
mod flowers;
mod gateway_request;
mod id;
mod initiator;
mod institution;
mod merchant;
mod money;
mod openid_page;
mod operator;
mod organization;
mod photo;
mod platform_key;
mod posting;
mod project;
mod time;
mod usage;
mod world;

pub use account::{Account, AccountKind, OUTSIDE, Transfer, TransferReason};
pub use activity::{
    Activity, ActivityKind, ActivityRefusal, ActivityStatus, BehaviourRule, BookRule, Channel,
    CreateActivity, EndActivity, FundActivity, SetStatus, Settlement, UpdateActivity,
};
pub use application::{
    Application, ApplicationRefusal, ApplicationStatus, AssignBid, BidGrant, CreateApplication,
    PreviousSecret, RevokeApplication, RotateSecret, UpdateApplication,
};
pub use archive::{Archivable, BeginArchive, EndArchive};
pub use audit::{Actor, AuditEntry, Audited, Operated};
pub(crate) use callback::owe;
pub use callback::{
    Attempt, AttemptOutcome, Callback, CallbackEvent, CallbackState, Claim, Claimed, FreeLeases,
    Outcome, RecordAttempt, Resend, ResendRefusal, SCHEDULE_S, receiver_of,
};
pub use command::Command;
pub use consult::{AlipayUser, CONSULT_MAX, Consult, ConsultRefusal, ConsultResult};
pub use coupon::{
    Coupon, CouponKey, CouponOffer, CouponStatus, CouponTerms, CreateCouponActivity, Discount,
    Expire, FailReason, Grant, Issue, IssueRefusal, Issued, NewOffer, OfferRefusal, Redeem,
    RedeemRefusal, RedeemedCoupon, Redemption, SettleCoupon, UpdateOffer, Validity, VoidCoupon,
    VoidRefusal, grantable,
};
pub use donation::{
    Donate, DonateRefusal, Donated, Donation, DonationKey, DonationStatus, LimitReached, Refund,
    RefundRefusal, Settle,
};
pub use enrolment::{
    DecideEnrolment, DecideRefusal, DecidedEnrolment, Decision, Enrol, EnrolRefusal, Enrolment,
    EnrolmentKey, EnrolmentPhotos, EnrolmentStatus, PHOTO_RULES, PHOTOS_MAX, PhotoField, PhotoRule,
    REASON_CHARS_MAX, RateActivity, photo_rule,
};
pub use flowers::{
    FlowerGrant, FlowerKey, FlowerRefusal, GrantFlowers, Granted, UserFlowers, UserFlowersKey,
};
pub use gateway_request::{
    AnswerOnce, AnswerRefusal, Answered, GatewayApi, GatewayRequest, JustAnswer, Render, Rendered,
    RequestKey,
};
pub use id::{
    AccountId, ActivityNo, AlipayPid, AppId, Bid, CampaignNo, CertId, Id, InstitutionId, MercId,
    OpenId, OrgNo, OwnerId, PlatformSerial, ProjectNo, PromotionId, ThirdUid, TokenId, TransCode,
};
pub use initiator::{
    CreateInitiator, EnvelopeMode, Initiator, InitiatorRefusal, InitiatorStatus, PreviousKey,
    ReplaceInitiatorKey, RevokeInitiator, UpdateInitiator,
};
pub use institution::{
    CreateInstitution, Institution, InstitutionRefusal, InstitutionStatus, PreviousCertificate,
    ReplaceCertificate, RevokeInstitution, UpdateInstitution,
};
pub use merchant::{
    CreateMerchant, IMPORT_ROWS_MAX, ImportMerchants, ImportRefusal, Imported, Merchant,
    MerchantKind, MerchantRefusal, MerchantRow, UpdateMerchant,
};
pub use money::Fen;
pub use openid_page::{CreateOpenidPage, OpenidPage, OpenidPageRefusal, UpdateOpenidPage};
pub use operator::{CreateToken, OperatorToken, RevokeToken, Role, TokenRefusal};
pub use organization::{CreateOrganization, Deposit, Organization, OrganizationRefusal, Withdraw};
pub use photo::{
    PHOTO_BYTES_MAX, Photo, PhotoContent, PhotoFormat, PhotoRefusal, RemovePhotos, StorePhoto,
};
pub use platform_key::{
    AddPlatformKey, KeyPurpose, KeyStatus, PlatformKey, PlatformKeyRefusal, RetireKey, SignWith,
};
pub use posting::{Posted, Posting, PostingKey, PostingRefusal, Posts, Referenced};
pub use project::{CreateProject, Project, ProjectRefusal};
pub use time::{SHANGHAI, day_of};
pub use usage::{UserKey, UserLimits, UserUsage};
pub use world::{Row, RowState, Table, Wanted, World};
