//! What each refusal of a rule is to a caller: the one table.

use huodong_campaign::{
    ActivityRefusal, ApplicationRefusal, DecideRefusal, ImportRefusal, InitiatorRefusal,
    InstitutionRefusal, MerchantRefusal, OfferRefusal, OpenidPageRefusal, OrganizationRefusal,
    PlatformKeyRefusal, PostingRefusal, ProjectRefusal, RedeemRefusal, RefundRefusal,
    ResendRefusal, TokenRefusal, VoidRefusal,
};

use super::problem::{Kind, Problem};

impl From<OrganizationRefusal> for Problem {
    fn from(refusal: OrganizationRefusal) -> Self {
        use OrganizationRefusal as R;
        let (kind, field) = match &refusal {
            R::Taken(_) => (Kind::Taken, "org_no"),
            R::Unknown(_) => (Kind::NotFound, "org_no"),
            R::NoMoney | R::TooMuch => (Kind::Invalid, "money"),
            R::NotEnough { .. } => (Kind::NotEnoughMoney, "money"),
        };
        Self::new(kind, refusal.to_string()).about(field)
    }
}

impl<R: std::error::Error + Into<Problem>> From<PostingRefusal<R>> for Problem {
    fn from(refusal: PostingRefusal<R>) -> Self {
        match refusal {
            PostingRefusal::Rules(refusal) => refusal.into(),
            PostingRefusal::ReferenceUsed { .. } => {
                Self::new(Kind::Taken, refusal.to_string()).about("reference")
            }
        }
    }
}

impl From<ApplicationRefusal> for Problem {
    fn from(refusal: ApplicationRefusal) -> Self {
        use ApplicationRefusal as R;
        let (kind, field) = match &refusal {
            R::Taken(_) => (Kind::Taken, "appid"),
            R::Unknown(_) => (Kind::NotFound, "appid"),
            R::Revoked(_) => (Kind::WrongState, "appid"),
            R::UnknownOrganization(_) => (Kind::Invalid, "org_no"),
            R::BidTaken(_) => (Kind::Taken, "bid"),
        };
        Self::new(kind, refusal.to_string()).about(field)
    }
}

impl From<ProjectRefusal> for Problem {
    fn from(refusal: ProjectRefusal) -> Self {
        let ProjectRefusal::Taken(_) = &refusal;
        Self::new(Kind::Taken, refusal.to_string()).about("project_no")
    }
}

impl From<ActivityRefusal> for Problem {
    fn from(refusal: ActivityRefusal) -> Self {
        use ActivityRefusal as R;
        let (kind, field) = match &refusal {
            R::Taken(_) => (Kind::Taken, "activity_no"),
            R::Unknown(_) => (Kind::NotFound, "activity_no"),
            R::UnknownOrganization(_) => (Kind::Invalid, "org_no"),
            R::UnknownProject(_) | R::Projects(_) => (Kind::Invalid, "projects"),
            R::UnknownIssuer(_) | R::Offer(OfferRefusal::Issuers) => (Kind::Invalid, "issuers"),
            R::UnknownInitiator(_) | R::Offer(OfferRefusal::Initiators) => {
                (Kind::Invalid, "initiators")
            }
            R::Offer(OfferRefusal::Merchants) => (Kind::Invalid, "merchants"),
            R::Offer(OfferRefusal::NoDiscount | OfferRefusal::OffShare) => {
                (Kind::Invalid, "terms.discount")
            }
            R::Offer(OfferRefusal::MinimumSpend) => (Kind::Invalid, "terms.minimum_spend"),
            R::Offer(OfferRefusal::Validity) => (Kind::Invalid, "terms.validity"),
            R::Offer(OfferRefusal::TermsTooLate) => (Kind::WrongState, "terms"),
            R::Offer(OfferRefusal::TooMuchStock) => (Kind::Invalid, "add_stock"),
            R::OtherKind(_) => (Kind::WrongState, "kind"),
            R::EmptyWindow => (Kind::Invalid, "ends_at"),
            R::FailShare => (Kind::Invalid, "channel.book.fail_per_10000"),
            R::Ended | R::NoSuchStep { .. } => (Kind::WrongState, "status"),
            R::LimitsTooLate => (Kind::WrongState, "limits"),
            R::NoMoney => (Kind::Invalid, "money"),
            R::NotEnough { .. } => (Kind::NotEnoughMoney, "money"),
        };
        Self::new(kind, refusal.to_string()).about(field)
    }
}

impl From<RefundRefusal> for Problem {
    fn from(refusal: RefundRefusal) -> Self {
        let (kind, field) = match &refusal {
            RefundRefusal::Unknown => (Kind::NotFound, "id"),
            RefundRefusal::NotPaid(_) => (Kind::WrongState, "status"),
            RefundRefusal::NotEnough => (Kind::NotEnoughMoney, "money"),
        };
        Self::new(kind, refusal.to_string()).about(field)
    }
}

impl From<TokenRefusal> for Problem {
    fn from(refusal: TokenRefusal) -> Self {
        let kind = match &refusal {
            TokenRefusal::Taken(_) => Kind::Taken,
            TokenRefusal::Unknown(_) => Kind::NotFound,
            TokenRefusal::Revoked(_) => Kind::WrongState,
        };
        Self::new(kind, refusal.to_string()).about("name")
    }
}

impl From<InstitutionRefusal> for Problem {
    fn from(refusal: InstitutionRefusal) -> Self {
        use InstitutionRefusal as R;
        let (kind, field) = match &refusal {
            R::Taken(_) => (Kind::Taken, "appid"),
            R::Unknown(_) => (Kind::NotFound, "appid"),
            R::Revoked(_) => (Kind::WrongState, "appid"),
            R::Owners => (Kind::Invalid, "owners"),
        };
        Self::new(kind, refusal.to_string()).about(field)
    }
}

impl From<RedeemRefusal> for Problem {
    fn from(refusal: RedeemRefusal) -> Self {
        use RedeemRefusal as R;
        let (kind, field) = match &refusal {
            R::Unknown => (Kind::NotFound, "coupon"),
            R::Foreign => (Kind::Invalid, "owner_id"),
            R::NotIssued(_) | R::Used | R::Expired => (Kind::WrongState, "status"),
            R::NoMoney | R::BelowMinimum(_) => (Kind::Invalid, "org_amount"),
        };
        Self::new(kind, refusal.to_string()).about(field)
    }
}

impl From<VoidRefusal> for Problem {
    fn from(refusal: VoidRefusal) -> Self {
        let (kind, field) = match &refusal {
            VoidRefusal::Unknown => (Kind::NotFound, "coupon"),
            VoidRefusal::NotIssued(_) => (Kind::WrongState, "status"),
        };
        Self::new(kind, refusal.to_string()).about(field)
    }
}

impl From<ResendRefusal> for Problem {
    fn from(refusal: ResendRefusal) -> Self {
        let (kind, field) = match &refusal {
            ResendRefusal::Unknown => (Kind::NotFound, "id"),
            ResendRefusal::UnderWay => (Kind::WrongState, "status"),
        };
        Self::new(kind, refusal.to_string()).about(field)
    }
}

impl From<PlatformKeyRefusal> for Problem {
    fn from(refusal: PlatformKeyRefusal) -> Self {
        use PlatformKeyRefusal as R;
        let (kind, field) = match &refusal {
            R::Taken(_) => (Kind::Taken, "serial_no"),
            R::Unknown(_) => (Kind::NotFound, "serial_no"),
            R::Retired(_) | R::Signs(_) => (Kind::WrongState, "status"),
        };
        Self::new(kind, refusal.to_string()).about(field)
    }
}

impl From<OpenidPageRefusal> for Problem {
    fn from(refusal: OpenidPageRefusal) -> Self {
        use OpenidPageRefusal as R;
        let (kind, field) = match &refusal {
            R::Taken(_) => (Kind::Taken, "campaign"),
            R::Unknown(_) => (Kind::NotFound, "campaign"),
            R::UnknownInstitution(_) => (Kind::Invalid, "appid"),
            R::ReturnTo => (Kind::Invalid, "return_to"),
        };
        Self::new(kind, refusal.to_string()).about(field)
    }
}

impl From<InitiatorRefusal> for Problem {
    fn from(refusal: InitiatorRefusal) -> Self {
        use InitiatorRefusal as R;
        let (kind, field) = match &refusal {
            R::Taken(_) => (Kind::Taken, "cert_id"),
            R::Unknown(_) => (Kind::NotFound, "cert_id"),
            R::Revoked(_) => (Kind::WrongState, "cert_id"),
            R::PreviousOfOtherMode => (Kind::Invalid, "overlap_s"),
        };
        Self::new(kind, refusal.to_string()).about(field)
    }
}

/// A refusal's kind, and the field or the column it is about.
pub(super) fn merchant_field(refusal: &MerchantRefusal) -> (Kind, &'static str) {
    use MerchantRefusal as R;
    match refusal {
        R::Taken(_) => (Kind::Taken, "merc_id"),
        R::Unknown(_) => (Kind::NotFound, "merc_id"),
        R::UnknownInitiator(_) => (Kind::Invalid, "cert_id"),
        R::OtherInitiator(_) => (Kind::WrongState, "cert_id"),
        R::PidTaken(_) => (Kind::Taken, "alipay_pid"),
    }
}

impl From<MerchantRefusal> for Problem {
    fn from(refusal: MerchantRefusal) -> Self {
        let (kind, field) = merchant_field(&refusal);
        Self::new(kind, refusal.to_string()).about(field)
    }
}

impl From<ImportRefusal> for Problem {
    fn from(refusal: ImportRefusal) -> Self {
        let ImportRefusal::Rows = &refusal;
        Self::invalid("body", refusal.to_string())
    }
}

impl From<DecideRefusal> for Problem {
    fn from(refusal: DecideRefusal) -> Self {
        use DecideRefusal as R;
        let (kind, field) = match &refusal {
            R::Unknown => (Kind::NotFound, "number"),
            R::Reason => (Kind::Invalid, "reason"),
            R::AlreadyDecided { .. } => (Kind::WrongState, "status"),
        };
        Self::new(kind, refusal.to_string()).about(field)
    }
}
