/// The calls of this vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Api {
    /// Uploads a photo (图片上传接口).
    Upload,
    /// Enrols a merchant for a preferential rate (新增微信优惠费率活动报名).
    AddData,
    /// Asks which activities a user can claim (支付宝-活动领取咨询).
    Consult,
}

impl Api {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Upload, Self::AddData, Self::Consult];

    /// A short name for it, ours.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::AddData => "addData",
            Self::Consult => "consult",
        }
    }

    /// The common field `method`.
    pub const fn method(self) -> &'static str {
        match self {
            Self::Upload => "file.smsc.upload",
            Self::AddData => "weChatActivities.preferentialRates.addData",
            Self::Consult => "ysMarket.activityConsult",
        }
    }

    /// Where it is posted to: `/openapi/`, then the method with `/` for `.`.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Upload => "/openapi/file/smsc/upload",
            Self::AddData => "/openapi/weChatActivities/preferentialRates/addData",
            Self::Consult => "/openapi/ysMarket/activityConsult",
        }
    }

    /// The call of that name, spelt exactly.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|api| api.name() == name)
    }

    /// The call of that method, spelt exactly.
    pub fn from_method(method: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|api| api.method() == method)
    }

    /// True when it only reads, so that nothing can happen twice.
    pub const fn only_reads(self) -> bool {
        matches!(self, Self::Consult)
    }
}

impl std::fmt::Display for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_made_of_the_method() {
        for api in Api::ALL {
            assert_eq!(api.path(), format!("/openapi/{}", api.method().replace('.', "/")));
            assert_eq!(Api::from_method(api.method()), Some(api));
            assert_eq!(Api::from_name(api.name()), Some(api));
        }
        assert_eq!(Api::from_method("ysmarket.activityconsult"), None);
        assert_eq!(Api::from_name("Consult"), None);
    }
}
