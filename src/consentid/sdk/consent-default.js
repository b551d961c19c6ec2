/* Google Consent Mode v2: no, until we know better.  Before any tag. */
window.dataLayer = window.dataLayer || [];
function gtag() { dataLayer.push(arguments); }
gtag("consent", "default", {
  ad_storage: "denied", ad_user_data: "denied", ad_personalization: "denied",
  analytics_storage: "denied", functionality_storage: "denied",
  personalization_storage: "denied", wait_for_update: 500,
});
