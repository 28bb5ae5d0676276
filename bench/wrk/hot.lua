-- Always the same key, KEY.
dofile(os.getenv("WRK_LIB"))
local again = order(os.getenv("KEY"))

function request() return again end
