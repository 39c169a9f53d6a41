-- The gateway: who calls it, their merchants, photos and enrolments. Codes: see columns.rs.

-- Who may hand a coupon activity out through Alipay; NULL for donations, as the columns beside.
ALTER TABLE activities ADD COLUMN initiators TEXT;
ALTER TABLE activities ADD COLUMN merchants TEXT;
UPDATE activities SET initiators = '[]', merchants = '[]' WHERE promotion_id IS NOT NULL;
