//! The command codes of the server, by the names its sources have for them.

/// The reply to [`SCOPE_SETTINGS_LOAD`], and a push of the settings.
pub(super) const SCOPE_SETTINGS: u32 = 0x1007;
pub(super) const SCOPE_SETTINGS_SAVE: u32 = 0x1008;
pub(super) const SCOPE_SETTINGS_LOAD: u32 = 0x1009;
pub(super) const STORAGE_PATH: u32 = 0x1013;

pub(super) const LASER_LEVEL_SET: u32 = 0x2001;
pub(super) const LASER_LEVEL_GET: u32 = 0x2002;
pub(super) const LASER_ENABLE: u32 = 0x2003;
pub(super) const LASER_PREVIEW_ENABLE: u32 = 0x2004;
pub(super) const LASER_DISABLE: u32 = 0x2006;
pub(super) const LASER_ALL_DISABLE: u32 = 0x2007;

pub(super) const WORKFLOW_START: u32 = 0x3004;
pub(super) const WORKFLOW_STOP: u32 = 0x3005;
pub(super) const SNAPSHOT: u32 = 0x3006;
pub(super) const LIVE_VIEW_START: u32 = 0x3007;
pub(super) const LIVE_VIEW_STOP: u32 = 0x3008;
pub(super) const EXPOSURE_SET: u32 = 0x3009;
pub(super) const EXPOSURE_GET: u32 = 0x300a;
pub(super) const ROI_LEFT_SET: u32 = 0x300f;
pub(super) const ROI_LEFT_GET: u32 = 0x3010;
/// Also [`STACK_COMPLETE`]: one number, two meanings.
pub(super) const ROI_TOP_SET: u32 = 0x3011;
pub(super) const STACK_COMPLETE: u32 = 0x3011;
pub(super) const ROI_TOP_GET: u32 = 0x3012;
pub(super) const IMAGE_SIZE_GET: u32 = 0x3027;
pub(super) const CHECK_STACK: u32 = 0x302b;
pub(super) const FIELD_OF_VIEW_GET: u32 = 0x3037;

pub(super) const LED_SET: u32 = 0x4001;
pub(super) const LED_ENABLE: u32 = 0x4002;
pub(super) const LED_DISABLE: u32 = 0x4003;
pub(super) const LED_SELECTION: u32 = 0x4006;
pub(super) const FILTER_SET: u32 = 0x5001;
pub(super) const FILTER_GET: u32 = 0x5002;

pub(super) const STAGE_HOME: u32 = 0x6001;
pub(super) const STAGE_HALT: u32 = 0x6002;
pub(super) const STAGE_MOVE: u32 = 0x6004;
pub(super) const STAGE_SLIDE: u32 = 0x6005;
/// Also the code of position updates.
pub(super) const STAGE_POSITION: u32 = 0x6008;
pub(super) const STAGE_SAVED_GET: u32 = 0x6009;
pub(super) const MOTION_STOPPED: u32 = 0x6010;

pub(super) const LEFT_ENABLE: u32 = 0x7004;
pub(super) const LEFT_DISABLE: u32 = 0x7005;
pub(super) const RIGHT_ENABLE: u32 = 0x7006;
pub(super) const RIGHT_DISABLE: u32 = 0x7007;

pub(super) const GAUGE_SIZE: u32 = 0x9003;
pub(super) const GAUGE_VALUE: u32 = 0x9004;
pub(super) const UPDATE_ON_CHANGE: u32 = 0x9005;
pub(super) const IMAGES_SAVED: u32 = 0x9008;

pub(super) const IDLE: u32 = 0xa002;
pub(super) const TAKING_SNAPSHOT: u32 = 0xa003;
pub(super) const LIVE_VIEW: u32 = 0xa004;
pub(super) const WORKFLOW: u32 = 0xa005;
pub(super) const STATE_GET: u32 = 0xa007;

/// The flag that asks for a reply.
pub(super) const CALL_BACK: u32 = 0x8000_0000;
/// The flag of position updates.
pub(super) const POSITIONS_IN_BUFFER: u32 = 2;
