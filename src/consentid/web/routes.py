"""Every address that the hub answers."""

from typing import Final

from consentid.web.admin_affected import post_admin_affected
from consentid.web.admin_catalogues import post_admin_catalogue
from consentid.web.admin_clients import CLIENT_HANDLERS
from consentid.web.admin_evidence import post_admin_evidence
from consentid.web.admin_export import post_admin_export
from consentid.web.admin_keys import KEY_HANDLERS
from consentid.web.admin_let_in import post_admin_let_in
from consentid.web.admin_notices import NOTICE_HANDLERS
from consentid.web.admin_verification import post_admin_verification
from consentid.web.admin_webhooks import WEBHOOK_HANDLERS
from consentid.web.administration import ADMINISTRATION_HANDLERS
from consentid.web.authorize import get_authorize, post_authorize
from consentid.web.backchannel import post_backchannel_logout
from consentid.web.bc_authorize import post_bc_authorize
from consentid.web.captures import get_capture, get_captures, post_capture, post_resolution
from consentid.web.catalogue import get_catalogue, post_served
from consentid.web.decisions import post_decision, post_withdrawal
from consentid.web.device_authorization import post_device_authorization
from consentid.web.erasure import get_admin_erasures, post_admin_shredding, post_erasure
from consentid.web.events import get_event_schema, get_event_snapshot, get_event_stream, get_events
from consentid.web.field import FIELD_HANDLERS
from consentid.web.hand_offs import post_hand_off
from consentid.web.health import get_live, get_ready
from consentid.web.introspect import post_introspect
from consentid.web.ledger import (
    get_checkpoint,
    get_consistency_proof,
    get_entry_proof,
    get_inclusion_proof,
    get_log_key,
    get_log_keys,
    get_tile,
)
from consentid.web.links import post_link_minting
from consentid.web.pages.approvals_pages import (
    get_approval_outcome,
    get_approvals,
    get_approvals_sign_in,
    post_approvals,
)
from consentid.web.pages.asset_files import get_asset
from consentid.web.pages.captures_pages import get_own_captures, post_own_capture
from consentid.web.pages.device_pages import (
    get_device_outcome,
    get_device_page,
    post_device_match,
    post_device_page,
)
from consentid.web.pages.field_app import get_field_app, get_field_file
from consentid.web.pages.home_pages import get_home, get_robots
from consentid.web.pages.interactions import (
    get_interaction,
    get_interaction_sign_in,
    post_interaction,
)
from consentid.web.pages.link_pages import (
    get_link,
    get_link_outcome,
    post_link,
    post_link_answer,
    post_link_sign_in,
)
from consentid.web.pages.operations_list_pages import LIST_PAGES
from consentid.web.pages.operations_pages import get_operations, post_operations
from consentid.web.pages.operations_sign_in_pages import (
    get_staff_callback,
    get_staff_sign_in,
    post_operator_sign_in,
    post_operator_sign_out,
)
from consentid.web.pages.operations_support_pages import get_support_page, post_support_page
from consentid.web.pages.preferences_list_pages import (
    get_notice,
    get_own_data,
    get_own_data_page,
    get_own_decision,
    get_own_devices,
    get_own_history,
    get_own_reads,
    get_own_receipt,
    get_own_receipt_page,
    post_own_devices,
)
from consentid.web.pages.preferences_pages import (
    get_preferences,
    get_preferences_sign_in,
    post_preferences,
    post_preferences_sign_out,
)
from consentid.web.pages.preferences_support_pages import get_support_code, post_support_code
from consentid.web.pages.receipt_pages import get_verify_receipt, post_verify_receipt
from consentid.web.pages.sign_out_pages import get_logout, post_logout
from consentid.web.pages.visit_pages import get_visit, post_visit
from consentid.web.par import post_par
from consentid.web.portal_callback import get_portal_callback
from consentid.web.portal_events import post_portal_event
from consentid.web.propagation import get_change, get_propagation, post_confirmation
from consentid.web.receipts import get_receipt, get_receipt_context
from consentid.web.revocation_events import get_status_list_stream
from consentid.web.revoke import post_revoke
from consentid.web.sdk_files import get_sdk_file
from consentid.web.ssf import SSF_HANDLERS
from consentid.web.status_lists import get_status_list, get_status_lists
from consentid.web.subjects import get_history, get_state, post_device
from consentid.web.tokens import token
from consentid.web.userinfo import get_userinfo, post_userinfo
from consentid.web.verify import get_verify_forward, post_verify, post_verify_batch
from consentid.web.well_known import get_keys, get_link_keys, get_metadata

HANDLERS: Final = (
    *ADMINISTRATION_HANDLERS,
    *CLIENT_HANDLERS,
    *KEY_HANDLERS,
    post_admin_affected,
    post_admin_catalogue,
    post_admin_evidence,
    post_admin_export,
    *NOTICE_HANDLERS,
    post_admin_verification,
    *WEBHOOK_HANDLERS,
    get_authorize,
    post_authorize,
    post_backchannel_logout,
    post_bc_authorize,
    get_capture,
    get_captures,
    post_capture,
    post_resolution,
    get_catalogue,
    post_served,
    post_decision,
    post_withdrawal,
    post_device_authorization,
    get_admin_erasures,
    post_admin_let_in,
    post_admin_shredding,
    post_erasure,
    get_event_schema,
    get_event_snapshot,
    get_event_stream,
    get_events,
    *FIELD_HANDLERS,
    post_hand_off,
    get_live,
    get_ready,
    post_introspect,
    get_checkpoint,
    get_consistency_proof,
    get_entry_proof,
    get_inclusion_proof,
    get_log_key,
    get_log_keys,
    get_tile,
    post_link_minting,
    get_approval_outcome,
    get_approvals,
    get_approvals_sign_in,
    post_approvals,
    get_asset,
    get_own_captures,
    post_own_capture,
    get_device_outcome,
    get_device_page,
    post_device_match,
    post_device_page,
    get_field_app,
    get_field_file,
    get_home,
    get_robots,
    get_interaction,
    get_interaction_sign_in,
    post_interaction,
    get_link,
    get_link_outcome,
    post_link,
    post_link_answer,
    post_link_sign_in,
    *LIST_PAGES,
    get_operations,
    post_operations,
    get_staff_callback,
    get_staff_sign_in,
    post_operator_sign_in,
    post_operator_sign_out,
    get_support_page,
    post_support_page,
    get_notice,
    get_own_data,
    get_own_data_page,
    get_own_decision,
    get_own_devices,
    get_own_history,
    get_own_reads,
    get_own_receipt,
    get_own_receipt_page,
    post_own_devices,
    get_preferences,
    get_preferences_sign_in,
    post_preferences,
    post_preferences_sign_out,
    get_support_code,
    post_support_code,
    get_verify_receipt,
    post_verify_receipt,
    get_logout,
    post_logout,
    get_visit,
    post_visit,
    post_par,
    get_portal_callback,
    post_portal_event,
    get_change,
    get_propagation,
    post_confirmation,
    get_receipt,
    get_receipt_context,
    get_status_list_stream,
    post_revoke,
    get_sdk_file,
    *SSF_HANDLERS,
    get_status_list,
    get_status_lists,
    get_history,
    get_state,
    post_device,
    token,
    get_userinfo,
    post_userinfo,
    get_verify_forward,
    post_verify,
    post_verify_batch,
    get_keys,
    get_link_keys,
    get_metadata,
)
