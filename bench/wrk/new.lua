-- New orders: every key is new.
dofile(os.getenv("WRK_LIB"))

function init() seed() end

function request() return order(uuid()) end
